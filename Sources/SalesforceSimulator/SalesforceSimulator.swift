// SalesforceSimulator
