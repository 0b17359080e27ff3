extension SimulatorConfiguration {
    /// The password of everybody in the demo.
    public static let demoPassword = "salesforce-demo-1"

    /// Two orgs that make sense on a screen: Axonify (a full-copy sandbox with over 2,000 Contacts, so that paging is
    /// real) and Globex.
    ///
    /// Axonify's app is known to Globex too, so that a person of Globex can be seen to sign in to the wrong org by the
    /// generic login host.
    ///
    /// - Parameter redirectURIs: The callbacks of both orgs' apps.
    public static func demo(redirectURIs: [String]) -> Self {
        var axonify = SimulatedOrg(
            id: "00DHp000001Fk7RMAS", name: "Axonify",
            loginHost: "axonify.my.salesforce.localhost", instanceHost: "axonify.instance.salesforce.localhost",
            users: [
                SimulatedUser(
                    username: "smcgovern@axonify.com.fullcpy", password: demoPassword, firstName: "Susan",
                    lastName: "McGovern", email: "smcgovern@axonify.com", profile: .systemAdministrator),
                SimulatedUser(
                    username: "arivera@axonify.com.fullcpy", password: demoPassword, firstName: "Alex",
                    lastName: "Rivera", email: "arivera@axonify.com", profile: .standardUser),
            ],
            apps: [axonifyApp(redirectURIs: redirectURIs)])
        axonify.accountCount = 320
        axonify.contactCount = 2_600
        axonify.opportunityCount = 480
        axonify.isSandbox = true

        let globex = SimulatedOrg(
            id: "00DGx000002Tq4LMAS", name: "Globex",
            loginHost: "globex.my.salesforce.localhost", instanceHost: "globex.instance.salesforce.localhost",
            users: [
                SimulatedUser(
                    username: "hscorpio@globex.example", password: demoPassword, firstName: "Hank",
                    lastName: "Scorpio", profile: .systemAdministrator),
                SimulatedUser(
                    username: "mlopez@globex.example", password: demoPassword, firstName: "Maria",
                    lastName: "Lopez", profile: .standardUser),
            ],
            apps: [
                SimulatedApp(
                    name: "FormationIQ", clientID: "3MVG9simulated.globex.consumer.key",
                    clientSecret: "simulated-globex-consumer-secret", redirectURIs: redirectURIs),
                axonifyApp(redirectURIs: redirectURIs),
            ])
        return SimulatorConfiguration(orgs: [axonify, globex])
    }

    private static func axonifyApp(redirectURIs: [String]) -> SimulatedApp {
        SimulatedApp(
            name: "FormationIQ", clientID: "3MVG9simulated.axonify.consumer.key",
            clientSecret: "simulated-axonify-consumer-secret", redirectURIs: redirectURIs)
    }
}
