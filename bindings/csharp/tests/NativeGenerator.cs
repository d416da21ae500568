using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

namespace Ironwal.Tests
{
    /// <summary>
    /// How do the declarations of the C header read in C#? Makes src/Native.cs: constants, structs, callbacks, functions, and
    /// the public statistics. Every type in them has the same layout in C and C#, so no call marshals anything.
    /// </summary>
    static class NativeGenerator
    {
        const string Begin =
@"// Generated from include/ironwal.h; do not edit. A test compares both, and writes this file anew:
//
//     IRONWAL_WRITE_NATIVE=1 make test-csharp
//
// Types have the same layout in C and C#: no call marshals anything, which also suits IL2CPP. A bool of C is a byte here.
#pragma warning disable 0649
using System;
using System.Runtime.InteropServices;

namespace Ironwal
{
    internal static unsafe class Native
    {
#if (UNITY_IOS || UNITY_WEBGL) && !UNITY_EDITOR
        private const string Library = ""__Internal"";
#else
        private const string Library = ""ironwal"";
#endif
";

        /// <summary>The structs that a program gets as they are, and their names for it.</summary>
        static readonly Dictionary<string, string> Shown = new Dictionary<string, string>
        {
            { "ironwal_stream_stats_t", "StreamStats" },
            { "ironwal_wal_stats_t", "LogStats" },
            { "ironwal_prune_stats", "PruneStats" },
            { "ironwal_compaction_stats", "CompactionStats" },
        };

        static readonly Dictionary<string, string> ShownSummaries = new Dictionary<string, string>
        {
            { "StreamStats", "What has happened to a stream since its log was opened, and where it is now. Times are in nanoseconds." },
            { "LogStats", "What has happened to all streams of a log since it was opened, and where they are now. Times are in nanoseconds." },
            { "PruneStats", "What a pruning removed." },
            { "CompactionStats", "What a compaction of checkpoints removed." },
        };

        static readonly string[] Keywords = { "event", "out", "ref", "in", "params", "object", "string", "base", "lock" };

        internal static string Make(string header)
        {
            string code = WithoutComments(header);
            var made = new StringBuilder(Begin);
            foreach (Match found in Regex.Matches(code, @"^#define (IRONWAL_\w+) (-?\d+|UINT64_MAX|""[^""]*"")\s*$", RegexOptions.Multiline))
            {
                string value = found.Groups[2].Value;
                string type = value == "UINT64_MAX" ? "ulong" : value[0] == '"' ? "string" : "int";
                if (type == "ulong") value = "ulong.MaxValue";
                made.AppendFormat("        internal const {0} {1} = {2};\n", type, found.Groups[1].Value, value);
            }
            foreach (Match found in Regex.Matches(code, @"typedef (\w+) \(\*(\w+)\)\(([^)]*)\);"))
            {
                made.Append("\n        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]\n");
                made.AppendFormat("        internal delegate {0} {1}({2});\n",
                    TypeOf(found.Groups[1].Value), found.Groups[2].Value, Parameters(found.Groups[3].Value));
            }
            foreach (Match found in Structs(code))
            {
                string name = found.Groups[1].Value;
                if (Shown.ContainsKey(name)) continue;
                made.AppendFormat("\n        internal struct {0}\n        {{\n", name);
                foreach (var field in Fields(found.Groups[2].Value))
                    made.AppendFormat("            internal {0} {1};\n", field.Key, field.Value);
                made.Append("        }\n");
            }
            foreach (Match found in Functions(code))
            {
                made.Append("\n        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]\n");
                string line = string.Format("        internal static extern {0} {1}({2});",
                    TypeOf(found.Groups[1].Value), found.Groups[2].Value, Parameters(found.Groups[3].Value));
                made.Append(line).Append('\n');
            }
            made.Append("    }\n");
            foreach (Match found in Structs(header))
                if (Shown.ContainsKey(found.Groups[1].Value)) AppendShown(made, Shown[found.Groups[1].Value], found.Groups[2].Value);
            return made.Append("}\n").ToString();
        }

        internal static IEnumerable<string> FunctionNames(string header)
        {
            return from Match found in Functions(WithoutComments(header)) select found.Groups[2].Value;
        }

        static string WithoutComments(string text)
        {
            return Regex.Replace(text, @"/\*.*?\*/|//[^\n]*", "", RegexOptions.Singleline);
        }

        static MatchCollection Structs(string text)
        {
            return Regex.Matches(text, @"typedef struct (\w+) \{(.*?)\n\} \w+;", RegexOptions.Singleline);
        }

        static MatchCollection Functions(string code)
        {
            return Regex.Matches(code, @"^((?:const )?(?:struct )?\w+(?: \*| ))(ironwal_\w+)\(([^;{]*)\);", RegexOptions.Multiline);
        }

        static IEnumerable<KeyValuePair<string, string>> Fields(string body)
        {
            foreach (string one in WithoutComments(body).Split(';'))
            {
                if (one.Trim().Length == 0) continue;
                yield return Split(one);
            }
        }

        static void AppendShown(StringBuilder made, string name, string body)
        {
            made.AppendFormat("\n    /// <summary>{0}</summary>\n    [StructLayout(LayoutKind.Sequential)]\n    public struct {1}\n    {{\n",
                ShownSummaries[name], name);
            foreach (Match field in Regex.Matches(body, @"/\*\*(.*?)\*/\s*uint64_t (\w+);", RegexOptions.Singleline))
            {
                string text = Regex.Replace(field.Groups[1].Value, @"\s*\n\s*\*?\s*", " ").Trim().Replace("`", "");
                made.AppendFormat("        /// <summary>{0}</summary>\n        public ulong {1};\n",
                    text.Replace("&", "&amp;").Replace("<", "&lt;"), Pascal(field.Groups[2].Value));
            }
            made.Append("    }\n");
        }

        static string Pascal(string name)
        {
            return string.Concat(name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word.Substring(1)));
        }

        static string Parameters(string text)
        {
            text = Regex.Replace(text, @"\s+", " ").Trim();
            if (text.Length == 0 || text == "void") return "";
            return string.Join(", ", text.Split(',').Select(one =>
            {
                var pair = Split(one);
                return pair.Key + " " + pair.Value;
            }));
        }

        /// <summary>The type and the name of a declaration.</summary>
        static KeyValuePair<string, string> Split(string declaration)
        {
            Match found = Regex.Match(declaration.Trim(), @"^(.*?)(\w+)$", RegexOptions.Singleline);
            string name = found.Groups[2].Value;
            return new KeyValuePair<string, string>(TypeOf(found.Groups[1].Value), Keywords.Contains(name) ? "@" + name : name);
        }

        static string TypeOf(string c)
        {
            string type = Regex.Replace(c, @"\b(const|struct)\b", "").Replace(" ", "");
            int stars = type.Count(letter => letter == '*');
            type = type.TrimEnd('*');
            string made;
            switch (type)
            {
                case "void": made = stars > 0 ? "byte" : "void"; break;
                case "char": case "uint8_t": case "bool": made = "byte"; break;
                case "int32_t": case "ironwal_status": made = "int"; break;
                case "uint32_t": made = "uint"; break;
                case "uint64_t": made = "ulong"; break;
                case "size_t": case "uintptr_t": made = "UIntPtr"; break;
                case "ironwal_str": case "ironwal_view": case "ironwal_slice": case "ironwal_buffer": case "ironwal_property":
                case "ironwal_atomic_part":
                case "ironwal_keyed_slice": case "ironwal_entry": case "ironwal_mark": case "ironwal_ticket": case "ironwal_finding":
                case "ironwal_verify_report_totals": case "ironwal_recovery_report_totals": case "ironwal_recovered_stream":
                case "ironwal_automatic_status": case "ironwal_snapshot_stats": case "ironwal_log_fn": case "ironwal_release_fn":
                case "ironwal_stat_totals": case "ironwal_stat_stream": case "ironwal_stat_segment": case "ironwal_dumped_entry":
                case "ironwal_repair_totals": case "ironwal_repaired_stream": case "ironwal_lost_ids":
                case "ironwal_progress_fn": case "ironwal_entry_fn":
                case "ironwal_durable_fn": case "ironwal_checkpoint_id_fn": made = type; break;
                default:
                    if (Shown.ContainsKey(type)) made = Shown[type];
                    // Everything else is a handle: the library alone looks behind the pointer.
                    else if (stars > 0 && type.StartsWith("ironwal_", StringComparison.Ordinal)) { made = "IntPtr"; stars--; }
                    else throw new InvalidOperationException("a type that is not known: " + c);
                    break;
            }
            return made + new string('*', stars);
        }
    }
}
