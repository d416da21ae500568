//! How is the CRC-32 of a frame header computed with PCLMULQDQ?
//!
//! Algorithm and constants: Gopal et al., "Fast CRC Computation for Generic Polynomials Using
//! PCLMULQDQ Instruction" (Intel, 2009), for the bit-reflected CRC-32. The message is processed in
//! blocks of 128 bits. Each step folds the sum over one block and adds the next block to it; the
//! end reduces the sum to 32 bits. Leading zeros do not change the result of a CRC that starts from
//! zero, so a message with a partial block is padded in front.

#![allow(unsafe_code)]
// Intrinsics without pointers are safe in functions that enable their features from Rust 1.87 on.
#![allow(unused_unsafe)]

use std::arch::x86_64::__m128i;
use std::arch::x86_64::_mm_and_si128;
use std::arch::x86_64::_mm_clmulepi64_si128;
use std::arch::x86_64::_mm_extract_epi32;
use std::arch::x86_64::_mm_set_epi32;
use std::arch::x86_64::_mm_set_epi64x;
use std::arch::x86_64::_mm_srli_si128;
use std::arch::x86_64::_mm_xor_si128;

/// Folds over one block: x^(128+32) and x^(128-32) modulo the polynomial.
const FOLD_128: (i64, i64) = (0x0001_7519_97D0, 0x0000_CCAA_009E);
/// Folds 96 bits to 64: x^64 modulo the polynomial.
const FOLD_64: i64 = 0x0001_63CD_6124;
/// The polynomial, and x^64 divided by it (Barrett's reduction).
const POLYNOMIAL: i64 = 0x0001_DB71_0641;
const QUOTIENT: i64 = 0x0001_F701_1641;

/// The CRC-32 of `number` followed by `words`, starting from `initial`. `None` if the processor
/// lacks PCLMULQDQ or SSE4.1 (detected once, then cached).
#[inline]
pub(super) fn crc32_words(initial: u32, number: u64, words: [u64; 4]) -> Option<u32> {
    if !is_x86_feature_detected!("pclmulqdq") || !is_x86_feature_detected!("sse4.1") {
        return None;
    }
    let [a, b, c, d] = words;
    // SAFETY: the processor has both features.
    Some(unsafe { crc32_pclmul(initial, number, a, b, c, d) })
}

/// Takes the words one by one, so that they are passed in registers.
///
/// # Safety
/// The processor has both features.
#[target_feature(enable = "pclmulqdq,sse4.1")]
unsafe fn crc32_pclmul(initial: u32, number: u64, a: u64, b: u64, c: u64, d: u64) -> u32 {
    // The CRC register starts with the complement of `initial`, XORed with the first bytes.
    let first = number ^ u64::from(!initial);
    // SAFETY: the caller guarantees the features.
    unsafe {
        let mut sum = _mm_set_epi64x(first as i64, 0);
        sum = _mm_xor_si128(fold_block(sum), _mm_set_epi64x(b as i64, a as i64));
        sum = _mm_xor_si128(fold_block(sum), _mm_set_epi64x(d as i64, c as i64));
        !reduce(sum)
    }
}

/// # Safety
/// The processor has PCLMULQDQ.
#[inline]
#[target_feature(enable = "pclmulqdq")]
unsafe fn fold_block(sum: __m128i) -> __m128i {
    // SAFETY: the caller guarantees the features.
    unsafe {
        let factors = _mm_set_epi64x(FOLD_128.1, FOLD_128.0);
        let low = _mm_clmulepi64_si128::<0x00>(sum, factors);
        let high = _mm_clmulepi64_si128::<0x11>(sum, factors);
        _mm_xor_si128(low, high)
    }
}

/// 128 bits modulo the polynomial.
///
/// # Safety
/// The processor has both features.
#[inline]
#[target_feature(enable = "pclmulqdq,sse4.1")]
unsafe fn reduce(sum: __m128i) -> u32 {
    // SAFETY: the caller guarantees the features.
    unsafe {
        let low_32 = _mm_set_epi32(0, 0, 0, !0);
        let factor = _mm_set_epi64x(FOLD_128.1, 0);
        let carried = _mm_clmulepi64_si128::<0x10>(sum, factor);
        let in_96 = _mm_xor_si128(carried, _mm_srli_si128::<8>(sum));
        let factor = _mm_set_epi64x(0, FOLD_64);
        let carried = _mm_clmulepi64_si128::<0x00>(_mm_and_si128(in_96, low_32), factor);
        let in_64 = _mm_xor_si128(carried, _mm_srli_si128::<4>(in_96));
        let factors = _mm_set_epi64x(QUOTIENT, POLYNOMIAL);
        let times = _mm_clmulepi64_si128::<0x10>(_mm_and_si128(in_64, low_32), factors);
        let taken = _mm_clmulepi64_si128::<0x00>(_mm_and_si128(times, low_32), factors);
        _mm_extract_epi32::<1>(_mm_xor_si128(taken, in_64)) as u32
    }
}
