// SPDX-License-Identifier: Apache-2.0
//
// Configurations for tests. JSON is YAML, so that a test can say what it wants as an object.

/*
 * One listener a loopback address (listeners that share an address would be one group): its
 * client_certificate, and whatever else `more` says.
 */
export function listener(pki, backend, number, name, clientCertificate, more = {}) {
    const server = pki.server(["DNS:gateway.test", "DNS:*.gateway.test", "IP:127.0.0.1"]);
    return {
        name,
        address: `127.0.0.${number}:0`,
        tls: { certificates: [{ chain: server.chain, key: server.key }] },
        client_certificate: clientCertificate,
        routes: [{ name: "all", backend: backend.url }],
        ...more,
    };
}

export function configuration(listeners, more = {}) {
    return JSON.stringify({ version: 1, workers: 1, listeners, ...more }, null, 2);
}
