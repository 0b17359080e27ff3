extension RESTService {
    mutating func sObjects(_ call: RESTCall, rest: [String]) throws -> RESTResult { throw RESTError.notFound }
    func search(_ call: RESTCall) throws -> RESTResult { throw RESTError.notFound }
    func parameterizedSearch(_ call: RESTCall) throws -> RESTResult { throw RESTError.notFound }
    mutating func composite(_ call: RESTCall, rest: [String]) throws -> RESTResult { throw RESTError.notFound }
}
