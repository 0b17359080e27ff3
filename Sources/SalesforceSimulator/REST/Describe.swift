/// What the describe resources answer.
enum Describe {
    static func global(version: String) -> JSON {
        [
            "encoding": "UTF-8", "maxBatchSize": 200,
            "sobjects": .array(Schema.objects.map { summary($0, version: version) }),
        ]
    }

    static func summary(_ object: ObjectDefinition, version: String) -> JSON {
        .object(JSONObject(properties(object) + [("urls", urls(object, version: version))]))
    }

    static func object(_ object: ObjectDefinition, version: String) -> JSON {
        let detail: [(String, JSON)] = [
            ("fields", .array(object.fields.map(field))),
            ("childRelationships", .array(children(of: object))), ("recordTypeInfos", []),
            ("supportedScopes", [["label": "All", "name": "everything"]]),
            ("urls", urls(object, version: version)),
        ]
        return .object(JSONObject(properties(object) + detail))
    }

    private static func properties(_ object: ObjectDefinition) -> [(String, JSON)] {
        [
            ("activateable", false), ("createable", .bool(object.isWritable)), ("custom", false),
            ("customSetting", false), ("deepCloneable", false), ("deletable", .bool(object.isWritable)),
            ("deprecatedAndHidden", false), ("feedEnabled", false), ("hasSubtypes", false), ("isInterface", false),
            ("isSubtype", false), ("keyPrefix", .string(object.keyPrefix)), ("label", .string(object.label)),
            ("labelPlural", .string(object.labelPlural)), ("layoutable", true), ("mergeable", false),
            ("mruEnabled", true), ("name", .string(object.name)), ("queryable", true),
            ("replicateable", true), ("retrieveable", true), ("searchable", .bool(object.isWritable)),
            ("triggerable", .bool(object.isWritable)), ("undeletable", .bool(object.isWritable)),
            ("updateable", .bool(object.isWritable)),
        ]
    }

    private static func urls(_ object: ObjectDefinition, version: String) -> JSON {
        let base = "/services/data/\(version)/sobjects/\(object.name)"
        return [
            "sobject": .string(base), "describe": .string("\(base)/describe"), "rowTemplate": .string("\(base)/{ID}"),
        ]
    }

    private static func children(of object: ObjectDefinition) -> [JSON] {
        Schema.objects.flatMap { child in
            child.fields.compactMap { field -> JSON? in
                guard case .reference(let target, _, let children) = field.kind, target == object.name else {
                    return nil
                }
                return [
                    "cascadeDelete": false, "childSObject": .string(child.name), "deprecatedAndHidden": false,
                    "field": .string(field.name), "relationshipName": JSON(children), "restrictedDelete": false,
                ]
            }
        }
    }

    private static func field(_ field: FieldDefinition) -> JSON {
        let (type, soapType, length) = types(field.kind)
        var references: [JSON] = []
        var choices: [JSON] = []
        var isRestricted = false
        switch field.kind {
        case .reference(let target, _, _): references = [.string(target)]
        case .picklist(let values, let restricted):
            isRestricted = restricted
            choices = values.map {
                ["active": true, "defaultValue": false, "label": .string($0), "validFor": nil, "value": .string($0)]
            }
        case .id, .string, .textArea, .email, .phone, .url, .boolean, .int, .double, .currency, .percent, .date,
            .dateTime:
            break
        }
        let isLong = type == "textarea"
        return [
            "aggregatable": .bool(!isLong), "autoNumber": false, "byteLength": .int(length * 3),
            "calculated": false, "createable": .bool(field.isWritable), "custom": .bool(field.isCustom),
            "defaultValue": field.kind == .boolean ? false : .null,
            "defaultedOnCreate": .bool(field.kind == .boolean || !field.isWritable),
            "deprecatedAndHidden": false, "digits": .int(field.kind == .int ? 8 : 0),
            "externalId": .bool(field.isExternalID), "filterable": .bool(!isLong), "groupable": .bool(!isLong),
            "idLookup": .bool(field.isExternalID || field.kind == .id), "label": .string(field.label),
            "length": .int(length), "name": .string(field.name),
            "nameField": .bool(field.name == "Name"), "nillable": .bool(field.isNillable), "permissionable": true,
            "picklistValues": .array(choices), "precision": .int(precision(field.kind)),
            "referenceTo": .array(references), "relationshipName": JSON(field.relationship),
            "restrictedPicklist": .bool(isRestricted), "scale": .int(type == "currency" ? 2 : 0),
            "soapType": .string(soapType), "sortable": .bool(!isLong), "type": .string(type),
            "unique": .bool(field.isExternalID), "updateable": .bool(field.isWritable),
        ]
    }

    private static func precision(_ kind: FieldDefinition.Kind) -> Int {
        switch kind {
        case .double, .currency: 18
        case .percent: 3
        case .id, .string, .textArea, .email, .phone, .url, .picklist, .boolean, .int, .date, .dateTime, .reference: 0
        }
    }

    private static func types(_ kind: FieldDefinition.Kind) -> (type: String, soap: String, length: Int) {
        switch kind {
        case .id: ("id", "tns:ID", 18)
        case .string(let length): ("string", "xsd:string", length)
        case .textArea(let length): ("textarea", "xsd:string", length)
        case .email: ("email", "xsd:string", 80)
        case .phone: ("phone", "xsd:string", 40)
        case .url: ("url", "xsd:string", 255)
        case .picklist: ("picklist", "xsd:string", 255)
        case .boolean: ("boolean", "xsd:boolean", 0)
        case .int: ("int", "xsd:int", 0)
        case .double: ("double", "xsd:double", 0)
        case .currency: ("currency", "xsd:double", 0)
        case .percent: ("percent", "xsd:double", 0)
        case .date: ("date", "xsd:date", 0)
        case .dateTime: ("datetime", "xsd:dateTime", 0)
        case .reference: ("reference", "tns:ID", 18)
        }
    }
}
