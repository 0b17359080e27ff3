internal import Access
internal import Domain
internal import HTTPTypes

// MARK: - Who is calling

extension APIOperation {
    static let me = APIOperation(
        method: .get, id: "getMe", summary: "Who is calling, for which customer, and until when", access: .signedIn,
        answers: [.json(.me, APIExample.me, "The caller")])

    static let session = APIOperation(
        method: .get, id: "getSession", summary: "Whether there is a session",
        detail: "Unlike every other request this does not count as activity: it never extends the session.",
        access: .signedIn, answers: [.json(.session, APIExample.session, "The session")])

    static let logout = APIOperation(
        method: .post, id: "signOut", summary: "End this session",
        detail: "With the person's last session, and where no access key is left, their grant is revoked at Salesforce."
            + " Who is not signed in is signed out already.",
        access: .leaving,
        parameters: [
            APIParameter(
                place: .query, name: "everywhere", detail: "`true` ends all of the person's sessions",
                schema: ["type": "boolean", "default": false], example: true)
        ],
        answers: [
            APIAnswer(status: 204, detail: "The session is over", headers: [.setCookie]),
            APIAnswer(
                status: 303, detail: "The same for a browser's form: on to the start page",
                headers: [.location, .setCookie]),
        ])
}

// MARK: - Configuration

extension APIOperation {
    static let config = APIOperation(
        method: .get, id: "getConfig", summary: "The workspace's settings", access: .signedIn,
        parameters: [.ifNoneMatch],
        answers: [
            .json(.config, APIExample.config, "The settings, and their version as `ETag`", headers: [.eTag]),
            .notModified,
        ])

    static let configWarnings = APIOperation(
        method: .get, id: "listConfigWarnings", summary: "What in the settings leads nowhere",
        detail: "Each field mapping is looked for in the caller's Salesforce organization, as the caller sees it: a"
            + " field of \(MappingCheck.list(FieldCatalog.startingObjects)), or a path such as `Account.Region__c` or"
            + " `Opportunity.Owner.Name`. A mapping that leads nowhere is stored and used all the same. What can't be"
            + " checked, because Salesforce is away or the workspace may not be used, is a warning `NOT_CHECKED`."
            + " Salesforce's answers are remembered for 5 minutes.",
        access: .signedIn,
        answers: [.json(.configWarnings, APIExample.configWarnings, "The warnings; none where all is well")])

    static let patchConfig = APIOperation(
        method: .patch, id: "changeConfig", summary: "Change the workspace's settings",
        detail: "A JSON merge patch (RFC 7396): what it does not name stays, null removes a mapping or restores a"
            + " default. It is taken as a whole or not at all. With `If-Match` it is taken only if nobody else was"
            + " quicker.",
        access: .admin,
        parameters: [
            APIParameter(
                place: .header, name: "If-Match", detail: "The `ETag` of the version that the change is meant for",
                schema: ["type": "string"], example: .string(APIExample.tag))
        ],
        body: APIBody(
            mediaTypes: [ConfigPatch.mediaType, "application/json"], schema: .configPatch,
            bytesMax: ConfigPatch.Limits.bodyBytesMax, example: APIExample.configPatch),
        answers: [
            .json(.config, APIExample.config, "The settings as they are now, and their new version", headers: [.eTag])
        ],
        ownRefusals: APIRefusal.workspace + [
            APIRefusal(RequestError.preconditionFailed, "`If-Match` names another version than the current one")
        ])
}

// MARK: - Access keys

extension APIOperation {
    static let keys = APIOperation(
        method: .get, id: "listKeys", summary: "The access keys that are not over",
        detail: "Own ones; an admin sees everybody's.", access: .session,
        answers: [.json(.accessKeys, APIExample.keys, "The keys, without what is secret of them")])

    static let createKey = APIOperation(
        method: .post, id: "createKey", summary: "Make an access key",
        detail: "It calls as the person who made it. One person may have \(AccessLimits().accessKeysPerUserMax).",
        access: .session,
        body: APIBody(
            mediaTypes: ["application/json"], schema: .keyRequest, bytesMax: KeyRequest.bodyBytesMax,
            example: APIExample.keyRequest),
        answers: [
            .json(
                .newAccessKey, APIExample.newKey, status: 201, "The key. It is shown this once", headers: [.location])
        ],
        ownRefusals: APIRefusal.workspace + [
            APIRefusal(
                GatewayError.tooManyKeys,
                "The caller has \(AccessLimits().accessKeysPerUserMax) keys that are not over")
        ])

    static let endKey = APIOperation(
        method: .delete, id: "endKey", summary: "End an access key",
        detail: "An own one; an admin may end anybody's. It is worthless everywhere within seconds.",
        access: .session, parameters: [.id("the key")], answers: [.done("The key is over")],
        ownRefusals: [.missing])
}

// MARK: - People

extension APIOperation {
    static let users = APIOperation(
        method: .get, id: "listUsers", summary: "The workspace's people", detail: "In the order of their emails.",
        access: .adminSession,
        parameters: [
            .limit,
            APIParameter(
                place: .query, name: "after", detail: "The `next` of the part before; or any email",
                schema: ["type": "string", "pattern": #"^[^\u0000]*$"#], example: "ann@axonify.example"),
        ],
        answers: [.page(.users, APIExample.users, "A part of the list")], ownRefusals: [.badQuery])

    static let user = APIOperation(
        method: .get, id: "getUser", summary: "One person", access: .adminSession, parameters: [.id("the person")],
        answers: [.json(.managedUser, APIExample.managedUser, "The person")], ownRefusals: [.missing])

    static let changeUser = APIOperation(
        method: .patch, id: "changeUser", summary: "Change a person's role, or keep them out",
        detail: "A JSON merge patch. It holds from the person's next request on, in sessions that they have too.",
        access: .adminSession, parameters: [.id("the person")],
        body: APIBody(
            mediaTypes: [ConfigPatch.mediaType, "application/json"], schema: .userPatch,
            bytesMax: UserPatch.bodyBytesMax, example: ["role": "admin"]),
        answers: [.json(.managedUser, APIExample.managedUser, "The person as they are now")],
        ownRefusals: [
            .missing, .suspended, APIRefusal(RequestError.lastAdmin, "No admin would be left who may sign in"),
        ])
}

// MARK: - Sessions and audit log

extension APIOperation {
    static let sessions = APIOperation(
        method: .get, id: "listSessions", summary: "The sessions that are not over",
        detail: "Own ones; an admin sees everybody's. The newest first.", access: .session,
        parameters: [.limit, .before], answers: [.page(.sessions, APIExample.sessions, "A part of the list")],
        ownRefusals: [.badQuery])

    static let endSession = APIOperation(
        method: .delete, id: "endSession", summary: "End a session",
        detail: "An own one; an admin may end anybody's. It is as if its browser had signed out.", access: .session,
        parameters: [.id("the session")], answers: [.done("The session is over")], ownRefusals: [.missing])

    static let audit = APIOperation(
        method: .get, id: "listAuditEvents", summary: "What happened in the workspace",
        detail: "The newest first.", access: .admin, parameters: [.limit, .before],
        answers: [.page(.auditEvents, APIExample.events, "A part of the log")], ownRefusals: [.badQuery])
}

// MARK: - This description

extension APIOperation {
    static let openAPI = APIOperation(
        method: .get, id: "getOpenAPI", summary: "The API as an OpenAPI 3.1 document", access: .anybody,
        parameters: [.ifNoneMatch],
        answers: [
            APIAnswer(
                status: 200, detail: "The document", content: .document(mediaType: "application/json"),
                headers: [.eTag]),
            .notModified,
        ])

    static let docs = APIOperation(
        method: .get, id: "getDocs", summary: "The API as a page", access: .anybody, parameters: [.ifNoneMatch],
        answers: [APIAnswer(status: 200, detail: "The page", content: .page, headers: [.eTag]), .notModified])
}

// MARK: - Parts

extension APIAnswer {
    fileprivate static let notModified = APIAnswer(
        status: 304, detail: "`If-None-Match` names the current version", headers: [.eTag])

    fileprivate static func json(
        _ schema: APISchema, _ example: JSONValue, status: Int = 200, _ detail: String, headers: [APIHeader] = []
    ) -> APIAnswer {
        APIAnswer(status: status, detail: detail, content: .json(schema, example: example), headers: headers)
    }

    fileprivate static func page(_ schema: APISchema, _ example: JSONValue, _ detail: String) -> APIAnswer {
        json(schema, example, detail, headers: [.link])
    }

    fileprivate static func done(_ detail: String) -> APIAnswer { APIAnswer(status: 204, detail: detail) }
}

extension APIParameter {
    fileprivate static let ifNoneMatch = APIParameter(
        place: .header, name: "If-None-Match", detail: "The `ETag` of a version that the caller has already",
        schema: ["type": "string"], example: .string(APIExample.tag))

    fileprivate static let limit = APIParameter(
        place: .query, name: "limit", detail: "How many at most",
        schema: [
            "type": "integer", "minimum": 1, "maximum": .number(Double(PageRequest.limitMax)),
            "default": .number(Double(PageRequest.limitDefault)),
        ], example: 20)

    fileprivate static let before = APIParameter(
        place: .query, name: "before", detail: "The `next` of the part before; or a time, to see what was before it",
        schema: [
            "type": "string",
            "anyOf": [
                ["format": "date-time"], ["pattern": #"^[0-9]{1,17}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"#],
            ],
        ], example: "2027-01-31T12:00:00Z")

    fileprivate static func id(_ what: String) -> APIParameter {
        APIParameter(
            place: .path, name: "id", detail: "Of \(what)", schema: ["type": "string", "format": "uuid"],
            example: .string(APIExample.id))
    }
}
