using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Ironwal
{
    /// <summary>How does text go in and come out? As UTF-8; text that has none is refused.</summary>
    internal static unsafe class Text
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        internal static byte[] Bytes(string text, string what)
        {
            if (text == null) throw new ArgumentNullException(what);
            try
            {
                return Strict.GetBytes(text);
            }
            catch (EncoderFallbackException)
            {
                throw Failure.Config(what + " holds half of a surrogate pair");
            }
        }

        /// <summary>Null for no text.</summary>
        internal static string Of(Native.ironwal_str text)
        {
            return text.data == null ? null : Encoding.UTF8.GetString(text.data, (int)text.len);
        }

        internal static string Of(byte* data)
        {
            int length = 0;
            while (data[length] != 0) length++;
            return Encoding.UTF8.GetString(data, length);
        }

        internal static string Of(byte* data, UIntPtr length)
        {
            return data == null ? "" : Encoding.UTF8.GetString(data, checked((int)length));
        }
    }

    /// <summary>How do bytes come out? As copies, unless a call says otherwise.</summary>
    internal static unsafe class Copy
    {
        internal static byte[] Of(byte* data, UIntPtr length)
        {
            var made = new byte[checked((int)length)];
            if (made.Length > 0) Marshal.Copy((IntPtr)data, made, 0, made.Length);
            return made;
        }

        internal static byte[] Of(Native.ironwal_view view)
        {
            return Of(view.data, view.len);
        }

        /// <summary>Copies a buffer of the library, and frees it.</summary>
        internal static byte[] AndFree(Native.ironwal_buffer buffer)
        {
            try
            {
                return Of(buffer.data, buffer.len);
            }
            finally
            {
                Native.ironwal_buffer_free(&buffer);
            }
        }
    }

    /// <summary>
    /// How do many entries and properties reach a call that takes arrays of pointers? Copied one behind the other, so that one
    /// array has to stay in place and not each of them.
    /// </summary>
    internal struct Gathered
    {
        internal readonly byte[] Bytes;
        internal readonly Native.ironwal_slice[] Entries;
        internal readonly Native.ironwal_property[] Properties;

        internal Gathered(IEnumerable<byte[]> entries, IEnumerable<Property> properties)
        {
            var all = new List<byte[]>();
            int length = 0, entryCount = 0, propertyCount = 0;
            if (entries != null)
            {
                foreach (byte[] entry in entries)
                {
                    if (entry == null) throw new ArgumentException("an entry is null", "entries");
                    all.Add(entry);
                    length = checked(length + entry.Length);
                    entryCount++;
                }
            }
            var changes = new List<Property>();
            if (properties != null)
            {
                foreach (Property property in properties)
                {
                    if (property.Key == null) throw new ArgumentException("the key of a property is null", "properties");
                    changes.Add(property);
                    length = checked(length + property.Key.Length + (property.Value == null ? 0 : property.Value.Length));
                    propertyCount++;
                }
            }
            // At least one of each, as the address of an empty array is that of none.
            Bytes = new byte[length + 1];
            Entries = new Native.ironwal_slice[entryCount + 1];
            Properties = new Native.ironwal_property[propertyCount + 1];
            int at = 0;
            for (int i = 0; i < entryCount; i++)
            {
                Buffer.BlockCopy(all[i], 0, Bytes, at, all[i].Length);
                Entries[i].len = (UIntPtr)all[i].Length;
                at += all[i].Length;
            }
            for (int i = 0; i < propertyCount; i++)
            {
                byte[] key = changes[i].Key, value = changes[i].Value;
                Buffer.BlockCopy(key, 0, Bytes, at, key.Length);
                at += key.Length;
                Properties[i].key.len = (UIntPtr)key.Length;
                if (value != null)
                {
                    Buffer.BlockCopy(value, 0, Bytes, at, value.Length);
                    at += value.Length;
                    Properties[i].value.len = (UIntPtr)value.Length;
                }
                Properties[i].op = value == null ? Native.IRONWAL_PROPERTY_REMOVE : Native.IRONWAL_PROPERTY_SET;
            }
        }

        internal UIntPtr EntryCount
        {
            get { return (UIntPtr)(Entries.Length - 1); }
        }

        internal UIntPtr PropertyCount
        {
            get { return (UIntPtr)(Properties.Length - 1); }
        }

        /// <summary>Points the arrays at the bytes, which the caller keeps in place.</summary>
        internal unsafe void PointAt(byte* bytes)
        {
            for (int i = 0; i < Entries.Length - 1; i++)
            {
                Entries[i].data = bytes;
                bytes += (long)Entries[i].len;
            }
            for (int i = 0; i < Properties.Length - 1; i++)
            {
                Properties[i].key.data = bytes;
                bytes += (long)Properties[i].key.len;
                Properties[i].value.data = bytes;
                bytes += (long)Properties[i].value.len;
            }
        }
    }
}
