// SPDX-License-Identifier: Apache-2.0
//
// What an operator does with a gateway that runs: commands over its admin socket, and looking at
// its monitoring listener.

import { once } from "node:events";
import http from "node:http";
import path from "node:path";

import { before } from "./deadline.mjs";
import { runProgram } from "./gateway.mjs";

/* For a configuration: both, in the gateway's own folder and on a port of the system's choice. */
export const WATCHED = {
    admin: { socket: "admin.sock" },
    monitoring: { address: "127.0.0.1:0" },
};

export function socketOf(gateway) {
    return path.join(gateway.folder, "admin.sock");
}

/* `sallyport COMMAND --socket ...`: { status, stdout, stderr }. */
export function tell(gateway, command, ...words) {
    return runProgram(command, "--socket", socketOf(gateway), ...words);
}

/* The same, with the answer as an object. */
export async function ask(gateway, command) {
    const { status, stdout, stderr } = await tell(gateway, command, "--json");
    return { status, stderr, answer: JSON.parse(stdout) };
}

/* Where the monitoring listener is. */
export async function monitoringOf(gateway) {
    const isIt = (line) => line.startsWith("monitoring http://");
    const line = await gateway.events.find(isIt, "the address for monitoring");
    return new URL(line.slice("monitoring ".length));
}

/* One request of it: { status, headers, text }. */
export async function look(gateway, what, { method = "GET", headers = {} } = {}) {
    const { hostname, port } = await monitoringOf(gateway);
    const options = { host: hostname, port, path: what, method, headers, agent: false };
    const request = http.request(options).end();
    const [response] = await before(once(request, "response"), `the answer to ${what}`);
    let text = "";
    response.setEncoding("utf8").on("data", (part) => (text += part));
    await before(once(response, "end"), `the end of the answer to ${what}`);
    return { status: response.statusCode, headers: response.headers, text };
}

/* ---- the text format of Prometheus ---------------------------------------------------------- */

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const UNESCAPED = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

function parseLabels(text = "") {
    const labels = {};
    LABEL.lastIndex = 0;
    while (LABEL.lastIndex < text.length) {
        const match = LABEL.exec(text);
        if (!match) throw new Error(`labels: ${text}`);
        if (match[1] in labels) throw new Error(`the label ${match[1]} is there twice: ${text}`);
        labels[match[1]] = match[2].replace(/\\[\\"n]/g, (escape) => UNESCAPED[escape]);
    }
    return labels;
}

/*
 * A map from the names of metrics to { help, type, samples: [{ name, labels, value }] }. Strict:
 * HELP, TYPE and samples of a metric are together and in this order, and no sample is there twice.
 */
export function parseMetrics(text) {
    const metrics = new Map();
    const seen = new Set();
    let current = null;
    if (!text.endsWith("\n")) throw new Error("the last line has no end");
    for (const line of text.slice(0, -1).split("\n")) {
        const help = HELP.exec(line);
        const type = TYPE.exec(line);
        const sample = SAMPLE.exec(line);
        if (help) {
            if (metrics.has(help[1])) throw new Error(`${help[1]} is there twice`);
            current = { name: help[1], help: help[2], type: null, samples: [] };
            metrics.set(help[1], current);
        } else if (type) {
            if (current?.name !== type[1] || current.type) throw new Error(`out of place: ${line}`);
            current.type = type[2];
        } else if (sample) {
            const base =
                current?.type === "histogram"
                    ? sample[1].replace(/_(bucket|sum|count)$/, "")
                    : sample[1];
            const labels = parseLabels(sample[2]);
            const key = sample[1] + JSON.stringify(Object.entries(labels).sort());
            if (!current?.type || base !== current.name) throw new Error(`out of place: ${line}`);
            if (seen.has(key)) throw new Error(`a sample is there twice: ${line}`);
            seen.add(key);
            current.samples.push({ name: sample[1], labels, value: Number(sample[3]) });
        } else {
            throw new Error(`no line of the format: ${JSON.stringify(line)}`);
        }
    }
    return metrics;
}

/* The value of the one sample with these labels, whatever other labels it has; 0 when none is. */
export function valueOf(metrics, name, labels = {}) {
    const base = metrics.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    const matching = (metrics.get(base)?.samples ?? []).filter(
        (sample) =>
            sample.name === name &&
            Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
    if (matching.length > 1) throw new Error(`${name} has ${matching.length} such samples`);
    return matching[0]?.value ?? 0;
}

export async function readMetrics(gateway) {
    return parseMetrics((await look(gateway, "/metrics")).text);
}
