internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// The limit of open files of the tests' process, which sockets count against.
public enum OpenFiles {
    /// Makes the hard limit the soft one, and returns how many files may be open from then on.
    @discardableResult
    public static func raiseLimit() -> Int {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        return Int(clamping: setrlimit(resource, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur)
    }
}
