// How does a program keep an audit trail that shows each loss and each change?
//
// An audit trail in one stream. Each record begins with the digest of the record before it, so that no record can be
// changed or removed unnoticed; the library sees to it that none is lost.
//
//     AuditLog DIRECTORY add ACTOR ACTION       appends one record, durably
//     AuditLog DIRECTORY show                   prints and checks all of them
//     AuditLog DIRECTORY watch MILLISECONDS     prints records as they come, until none came for so long
//
// Several processes may show and watch beside the one that adds.
using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Ironwal;

static class AuditLog
{
    const string Usage = "AuditLog DIRECTORY add ACTOR ACTION\nAuditLog DIRECTORY show\nAuditLog DIRECTORY watch MILLISECONDS";
    const string StreamName = "audit";
    const int LinkBytes = 32;

    static int Main(string[] arguments)
    {
        string command = arguments.Length > 1 ? arguments[1] : "";
        try
        {
            int milliseconds;
            if (command == "add" && arguments.Length == 4) Console.WriteLine(Add(arguments[0], arguments[2], arguments[3]));
            else if (command == "show" && arguments.Length == 2) Show(arguments[0]);
            else if (command == "watch" && arguments.Length == 3 && int.TryParse(arguments[2], out milliseconds))
                Watch(arguments[0], TimeSpan.FromMilliseconds(milliseconds));
            else
            {
                Console.Error.WriteLine(Usage);
                return 1;
            }
            return 0;
        }
        catch (IronwalException e)
        {
            Console.Error.WriteLine(e.GetType().Name + ": " + e.Message);
            return 1;
        }
        catch (BrokenChainException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    static byte[] LinkOf(byte[] record)
    {
        using (var sha = SHA256.Create()) return sha.ComputeHash(record);
    }

    static ulong Add(string path, string actor, string action)
    {
        using (var log = Log.Open(path))
        using (var audit = log.Stream(StreamName))
        {
            Entry last;
            bool isFirst = !audit.TryGetLast(out last);
            byte[] record = LinkOf(isFirst ? new byte[0] : last.Bytes).Concat(Encoding.UTF8.GetBytes(actor + " " + action)).ToArray();
            // Durable when it returns, and only if no other thread was faster.
            return audit.AppendBatch(new[] { record }, isFirst ? 0 : last.Id + 1).FirstId;
        }
    }

    static void Show(string path)
    {
        using (var log = Log.OpenReadOnly(path))
        using (var audit = log.Stream(StreamName))
        {
            byte[] link = LinkOf(new byte[0]);
            foreach (Entry entry in audit.Read())
            {
                Print(entry, link);
                link = LinkOf(entry.Bytes);
            }
        }
    }

    static void Watch(string path, TimeSpan timeout)
    {
        using (var log = Log.OpenReadOnly(path))
        using (var audit = log.Stream(StreamName))
        using (var iterator = audit.Iterate())
            while (iterator.Wait(timeout))
                while (iterator.MoveNext()) Print(iterator.Current, null);
    }

    /// <summary>Prints a record, and compares what it begins with with the digest of the record before it.</summary>
    static void Print(Entry entry, byte[] before)
    {
        if (entry.Bytes.Length < LinkBytes) throw new BrokenChainException("record " + entry.Id + " is none");
        if (before != null && !entry.Bytes.Take(LinkBytes).SequenceEqual(before))
            throw new BrokenChainException("record " + entry.Id + " does not follow the one before it");
        Console.WriteLine(entry.Id + " " + Encoding.UTF8.GetString(entry.Bytes, LinkBytes, entry.Bytes.Length - LinkBytes));
    }

    sealed class BrokenChainException : Exception
    {
        internal BrokenChainException(string message) : base(message) { }
    }
}
