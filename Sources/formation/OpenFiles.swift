internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// The process's limit of open files, which connections count against.
enum OpenFiles {
    /// Makes the hard limit the soft one, as servers do: the soft one is low for programs that use `select`.
    static func raiseLimit() {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // Where it can't be raised, the process lives with what it has.
        _ = setrlimit(resource, &limit)
    }
}
