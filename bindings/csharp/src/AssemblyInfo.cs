using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Ironwal.Tests")]
