// SPDX-License-Identifier: Apache-2.0
//
// Two HTTP/1 parsers that others wrote, as servers that say what they understood: Node's, and
// nginx's by way of what it passes on. Each request is { method, target, host, length, trace,
// peer } in the order of its connection; `peer` is the address of who sent it.

import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { before } from "./deadline.mjs";

const TRACE = "x-appgw-trace-id";

async function listenSomewhere(server) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server.address().port;
}

export async function startNodeParser(context) {
    const parser = { name: "node", seen: [], refused: 0 };
    const server = http.createServer({ keepAliveTimeout: 0, maxHeaderSize: 65536 });
    server.maxRequestsPerSocket = 0;
    server.on("request", (request, response) => {
        let length = 0;
        request.on("data", (part) => (length += part.length));
        request.on("error", () => {});
        request.on("end", () => {
            parser.seen.push({
                ...{ method: request.method, target: request.url, length },
                host: request.headers.host,
                trace: request.headers[TRACE],
                peer: request.socket.remoteAddress,
            });
            response.setHeader("Content-Length", 0).end();
        });
    });
    server.on("clientError", (_, socket) => {
        parser.refused++;
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    parser.port = await listenSomewhere(server);
    context.after(() => {
        server.closeAllConnections();
        server.close();
    });
    return parser;
}

/* What nginx makes of a request it sends on with a length, so that no second opinion is needed. */
function startRecorder(parser) {
    return net.createServer((socket) => {
        let text = "";
        let wanted = -1;
        socket.on("error", () => {});
        socket.setEncoding("latin1").on("data", (part) => {
            text += part;
            const end = text.indexOf("\r\n\r\n");
            if (end < 0 || socket.writableEnded) return;
            const head = text.slice(0, end + 2);
            const value = (name) => new RegExp(`^${name}: (.*)\r$`, "im").exec(head)?.[1];
            if (wanted < 0) wanted = Number(value("content-length") ?? 0);
            if (text.length < end + 4 + wanted) return;
            const [method, target] = head.split(" ");
            parser.seen.push({
                ...{ method, target, length: wanted, host: value("x-host") },
                trace: value(TRACE),
                peer: value("x-peer"),
            });
            socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
    });
}

const nginxConfiguration = (folder, port, recorder) => `
    daemon off; master_process off; worker_processes 1;
    pid ${folder}/pid; error_log stderr notice;
    events { worker_connections 512; }
    http {
        access_log off;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
        client_max_body_size 0; keepalive_requests 1000000; keepalive_timeout 1h;
        large_client_header_buffers 4 64k; lingering_close off;
        server {
            listen 127.0.0.1:${port};
            location / {
                proxy_pass http://127.0.0.1:${recorder};
                proxy_ignore_client_abort on;
                proxy_set_header X-Host $http_host;
                proxy_set_header X-Peer $remote_addr;
            }
        }
    }`;

/* nginx takes no port 0: one that was free a moment ago. */
async function freePort() {
    const server = net.createServer();
    const port = await listenSomewhere(server);
    server.close();
    await once(server, "close");
    return port;
}

export async function startNginxParser(context) {
    const folder = mkdtempSync(path.join(tmpdir(), "sallyport-nginx-"));
    const parser = { name: "nginx", seen: [], port: await freePort() };
    const recorder = startRecorder(parser);
    const file = path.join(folder, "nginx.conf");
    writeFileSync(file, nginxConfiguration(folder, parser.port, await listenSomewhere(recorder)));
    const child = spawn("nginx", ["-p", folder, "-c", file, "-e", "stderr"], {
        stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    const isReady = new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("exit", (code) => reject(new Error(`nginx ended with ${code}: ${said}`)));
        child.stderr.on("data", (part) => {
            said += part;
            if (/OS: Linux/.test(said)) resolve();
        });
    });
    context.after(async () => {
        recorder.close();
        if (child.exitCode === null) {
            child.kill("SIGTERM");
            await once(child, "exit");
        }
        rmSync(folder, { recursive: true, force: true });
    });
    await before(isReady, "nginx to be ready", () => said);
    return parser;
}
