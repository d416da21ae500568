using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
#if NETCOREAPP
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
#endif
using System.Text.RegularExpressions;

namespace Ironwal.Tests
{
    /// <summary>Do the declarations and the documents agree with the library?</summary>
    static class InterfaceTests
    {
        /// <summary>What a handle of a stream does too: these take the name of a stream.</summary>
        const string ByName = @"append append_at append_batch append_vectored append_with get get_into get_batch sync truncate
            restore_archived get_property get_properties set_properties replace_properties replace_suffix truncate_suffix
            truncate_prefix reset wal_iter wal_iter_rev current_segment_start_id txn_begin";

        /// <summary>
        /// Not bound for other reasons: batches over several streams are not bound yet; a longer call does what these do; .NET has nothing that waits for a descriptor; a callback
        /// for ids would have to outlive its log, and a log callback is called by threads that must not call managed code everywhere; ironwalctl looks at directories
        /// that are not open.
        /// </summary>
        const string LeftOut = @"stream_append_at stream_append_batch entry_list_count entry_list_get entry_list_free error_status
            iter_current iter_next_many options_clone options_set_log options_set_log_owned options_set_log_level stream_iter stream_current_segment_start_id
            stream_events events_fd events_drain events_free sharded_options_set_checkpoint_ids sharded_iter_shard
            sharded_flush_shard sharded_append_batch_for_key sharded_checkpoint_count append_atomic sharded_append_batch_atomic
            verify_directory dump_directory stat_directory stat_report_get_totals stat_report_get_stream stat_report_get_segment
            stat_report_free repair_directory repair_report_get_totals repair_report_get_stream repair_report_get_lost repair_report_free";

        internal static string InPackage(string name)
        {
            return Path.Combine(Environment.GetEnvironmentVariable("IRONWAL_CSHARP") ?? ".", name);
        }

        internal static string Header()
        {
            return File.ReadAllText(InPackage("../../include/ironwal.h"));
        }

        static string Sources(string directory)
        {
            return string.Concat(Directory.GetFiles(InPackage(directory), "*.cs")
                .Where(file => Path.GetFileName(file) != "Native.cs").Select(File.ReadAllText));
        }

        [Test]
        static void TheDeclarationsAreThoseOfTheHeader(Place place)
        {
            string made = NativeGenerator.Make(Header()), file = InPackage("src/Native.cs");
            if (Environment.GetEnvironmentVariable("IRONWAL_WRITE_NATIVE") == "1") File.WriteAllText(file, made);
            Expect.True(made == File.ReadAllText(file), "src/Native.cs is not what the header says: IRONWAL_WRITE_NATIVE=1 make test-csharp");
        }

        [Test]
        static void EveryFunctionOfTheHeaderIsBoundOrNamedAsLeftOut(Place place)
        {
            string sources = Sources("src");
            var named = new HashSet<string>((ByName + " " + LeftOut)
                .Split(new[] { ' ', '\n', '\r' }, StringSplitOptions.RemoveEmptyEntries).Select(name => "ironwal_" + name));
            var functions = NativeGenerator.FunctionNames(Header()).ToList();
            Expect.True(functions.Count > 180, functions.Count + " functions");
            foreach (string name in functions)
            {
                bool bound = Regex.IsMatch(sources, @"Native\." + name + @"\(");
                Expect.True(bound != named.Contains(name), name + (bound ? ": bound, and left out" : ": not bound"));
            }
            Expect.Equal("", string.Join(" ", named.Except(functions)));
        }

        [Test]
        static void EveryConstantOfAnEnumerationIsThere(Place place)
        {
            var kinds = new Dictionary<string, Type>
            {
                { "SYNC", typeof(SyncMode) }, { "COMPRESSION", typeof(Compression) }, { "READ", typeof(ReadStrategy) },
                { "WRITE", typeof(WriteStrategy) }, { "COMMIT", typeof(CommitPath) }, { "MATCH", typeof(StreamMatch) }, { "CORRUPTION", typeof(OnCorruption) },
                { "DURABILITY", typeof(Durability) }, { "VIEW", typeof(Shown) }, { "SNAPSHOT", typeof(SnapshotMode) },
                { "SEVERITY", typeof(Severity) },
            };
            foreach (var kind in kinds)
            {
                var numbers = Regex.Matches(Header(), @"^#define IRONWAL_" + kind.Key + @"_\w+ (\d+)\s*$", RegexOptions.Multiline)
                    .Cast<Match>().Select(found => int.Parse(found.Groups[1].Value)).OrderBy(number => number);
                Expect.Equal(string.Join(" ", numbers), string.Join(" ", Enum.GetValues(kind.Value).Cast<int>().OrderBy(number => number)));
            }
        }

        [Test]
        static void EveryStatusHasAnExceptionOfItsOwn(Place place)
        {
            var types = new HashSet<Type>();
            var found = Regex.Matches(Header(), @"^#define (IRONWAL_E_\w+) (-\d+)\s*$", RegexOptions.Multiline);
            Expect.True(found.Count >= 35, found.Count + " statuses");
            foreach (Match one in found)
            {
                int number = int.Parse(one.Groups[2].Value);
                IronwalException failure = Failure.Of(number, IntPtr.Zero);
                Expect.Equal(number, (int)failure.Status);
                Expect.Equal(one.Groups[1].Value, failure.Message);
                Expect.True(Enum.IsDefined(typeof(Status), number), one.Groups[1].Value);
                Expect.True(types.Add(failure.GetType()), failure.GetType() + " is of two statuses");
                // Two would be taken for types of .NET.
                string prefix = failure.Status == Status.IO || failure.Status == Status.Timeout ? "Log" : "";
                if (failure.Status != Status.Other) Expect.Equal(prefix + failure.Status + "Exception", failure.GetType().Name);
            }
        }

        [Test]
        static void AStatusOfALaterVersionIsOther(Place place)
        {
            IronwalException failure = Failure.Of(-999, IntPtr.Zero);
            Expect.Equal("IRONWAL_E_OTHER -999", failure.Message + " " + (int)failure.Status);
            Expect.Equal(typeof(IronwalException), failure.GetType());
        }

        [Test]
        static void TheVersionsAgree(Place place)
        {
            Expect.Equal(Log.Version, Log.LibraryVersion);
            foreach (var file in new Dictionary<string, string>
            {
                { "../../Cargo.toml", "\nversion = \"" + Log.Version + "\"\n" },
                { "Ironwal.csproj", "<Version>" + Log.Version + "</Version>" },
                { "package.json", "\"version\": \"" + Log.Version + "\"" },
            }) Expect.True(File.ReadAllText(InPackage(file.Key)).Contains(file.Value), file.Key + " has another version");
        }

        [Test]
        static void EachBehaviourHasATest(Place place)
        {
            var tests = new HashSet<string>(Program.All().Select(test => test.Name));
            // The tests of spans are left out where there are none.
            tests.UnionWith(Regex.Matches(Sources("tests"), @"\[Test\]\s+static (?:unsafe )?void (\w+)").Cast<Match>().Select(one => one.Groups[1].Value));
            int rows = 0;
            foreach (string line in File.ReadLines(InPackage("../behaviours.md")))
            {
                string[] cells = line.Split('|').Select(cell => cell.Trim()).ToArray();
                int number;
                if (cells.Length < 8 || !int.TryParse(cells[1], out number)) continue;
                Expect.Equal(++rows, number);
                if (cells[6] == "–") continue;
                var named = Regex.Matches(cells[6], "`(\\w+)`").Cast<Match>().Select(one => one.Groups[1].Value).ToList();
                Expect.True(named.Count > 0, "behaviour " + number + " has no test");
                foreach (string name in named) Expect.True(tests.Contains(name), "behaviour " + number + ": no test " + name);
            }
            Expect.True(rows >= 50, rows + " rows");
        }

        /// <summary>IL2CPP compiles static methods only for native code to call, and looks for the attribute.</summary>
        [Test]
        static void EveryMethodThatNativeCodeCallsIsStaticAndMarked(Place place)
        {
            var fields = typeof(Callbacks).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
                .Where(field => typeof(Delegate).IsAssignableFrom(field.FieldType) && field.IsInitOnly).ToList();
            Expect.Equal(1, fields.Count);
            foreach (FieldInfo field in fields)
            {
                MethodInfo method = ((Delegate)field.GetValue(null)).Method;
                var marked = method.GetCustomAttributes(typeof(MonoPInvokeCallbackAttribute), false);
                Expect.True(method.IsStatic && marked.Length == 1, field.Name);
                Expect.Equal(field.FieldType, ((MonoPInvokeCallbackAttribute)marked[0]).Type);
            }
        }

        /// <summary>Types without a common layout would be marshalled, which costs time in each call.</summary>
        [Test]
        static void NoCallMarshalsAnything(Place place)
        {
            int count = 0;
            foreach (MethodInfo method in typeof(Native).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
                .Where(method => (method.Attributes & MethodAttributes.PinvokeImpl) != 0))
            {
                count++;
                foreach (Type type in method.GetParameters().Select(one => one.ParameterType).Concat(new[] { method.ReturnType }))
                    Expect.True(type == typeof(void) || (type.IsValueType && type != typeof(bool) && type != typeof(char)) || type.IsPointer ||
                        typeof(Delegate).IsAssignableFrom(type), method.Name + ": " + type);
            }
            Expect.Equal(NativeGenerator.FunctionNames(Header()).Count(), count);
        }

#if NETCOREAPP
        /// <summary>What Ironwal.csproj demands, without the SDK: every type that the package uses is one of .NET Standard 2.1.</summary>
        [Test]
        static void EveryTypeThatThePackageUsesIsOfNetStandard(Place place)
        {
            string netstandard = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location), "netstandard.dll");
            var there = new HashSet<string>();
            using (var file = new PEReader(File.OpenRead(netstandard)))
            {
                MetadataReader reader = file.GetMetadataReader();
                Expect.Equal("2.1", reader.GetAssemblyDefinition().Version.ToString(2));
                foreach (ExportedTypeHandle one in reader.ExportedTypes)
                {
                    ExportedType type = reader.GetExportedType(one);
                    there.Add(reader.GetString(type.Namespace) + "." + reader.GetString(type.Name));
                }
            }
            using (var file = new PEReader(File.OpenRead(typeof(Log).Assembly.Location)))
            {
                MetadataReader reader = file.GetMetadataReader();
                int count = 0;
                foreach (TypeReferenceHandle one in reader.TypeReferences)
                {
                    TypeReference type = reader.GetTypeReference(one);
                    if (type.ResolutionScope.Kind == HandleKind.TypeReference) continue; // nested in one that is looked at
                    string name = reader.GetString(type.Namespace) + "." + reader.GetString(type.Name);
                    Expect.True(there.Contains(name), name + " is not of .NET Standard");
                    count++;
                }
                Expect.True(count > 30, count + " types");
            }
        }
#endif
    }
}
