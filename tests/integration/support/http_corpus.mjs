// SPDX-License-Identifier: Apache-2.0
//
// Requests that parsers have read differently, made by hand, and mutations of them. They are
// strings of bytes (latin1); nothing here knows what is right.

const HOST = "Host: gateway.test";

const message = (line, ...lines) => [line, ...lines, "", ""].join("\r\n");
const get = (...lines) => message("GET /a HTTP/1.1", HOST, ...lines);
const post = (...lines) => message("POST /a HTTP/1.1", HOST, ...lines);
const SMUGGLED = message("GET /smuggled HTTP/1.1", HOST);

const LINES = [
    ...["GET /a HTTP/1.1", "GET  /a HTTP/1.1", "GET /a  HTTP/1.1", " GET /a HTTP/1.1"],
    ...["GET\t/a HTTP/1.1", "GET /a\tHTTP/1.1", "GET /a HTTP/1.1 ", "GET /a HTTP/1.1\t"],
    ...["GET /a HTTP/1.0", "GET /a HTTP/0.9", "GET /a HTTP/1.2", "GET /a HTTP/2.0"],
    ...["GET /a HTTP/1.10", "GET /a HTTP/01.1", "GET /a HTTP/1", "GET /a http/1.1"],
    ...["GET /a HTTP /1.1", "GET /a", "GET", "/a", "", "GET /a HTTP/1.1\0", "GET\0 /a HTTP/1.1"],
    ...["get /a HTTP/1.1", "GeT /a HTTP/1.1", "G=T /a HTTP/1.1", "G(T /a HTTP/1.1"],
    ...["PUT /a HTTP/1.1", "DELETE /a HTTP/1.1", "PATCH /a HTTP/1.1", "OPTIONS /a HTTP/1.1"],
    ...["HEAD /a HTTP/1.1", "TRACE /a HTTP/1.1", "PURGE /a HTTP/1.1", "PRI * HTTP/2.0"],
    ...["M-SEARCH * HTTP/1.1", "QUERY /a HTTP/1.1", "PROPFIND /a HTTP/1.1"],
];

const TARGETS = [
    ...["/", "//", "/a", "//a", "/a//b", "/a/", "/a/.", "/a/..", "/./a", "/../a", "/a/../b"],
    ...["/a/%2e%2e/b", "/a/.%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00b", "/a%0ab"],
    ...["/a;b", "/a;/../b", "/..;/a", "/a?b", "/a?b?c", "/a?", "/?", "/a?b#c", "/a#b", "#", "?a"],
    ...["/%41", "/%61%62", "/%zz", "/%4", "/%", "/a%", "/%25", "/%252e", "/~a", "/%7ea", "/a+b"],
    ...["/a b", "/a\tb", "/a%20b", "/a\x80b", "/\xff", "/\xc3\xa4", "/a\x7fb", "/a\x01b", "/a\0b"],
    ...["/a|b", '/a"b', "/a<b>", "/a[b]", "/a{b}", "/a^b", "/a`b", "/a'b", "/a:b", "/a@b", "/a,b"],
    ...["*", "a", "a/b", ":80", "gateway.test", "gateway.test:80", "http:", "http:/a", "http:a"],
    ...["http://", "http:///a", "http://gateway.test", "http://gateway.test/"],
    ...["HTTP://GATEWAY.TEST/a"],
    ...["https://gateway.test/a", "http://gateway.test:80/a", "http://gateway.test?a", "ftp://a/b"],
    ...["http://u@gateway.test/a", "http://u:p@gateway.test/a", "http://other.test/a"],
    ...["http://[::1]/"],
    ...["http://gateway.test:/a", "http://gateway.test:x/a", "http://gateway.test#a"],
    ...["//gateway.test/a"],
];

const FIELDS = [
    ...["X-A: b", "X-A:b", "X-A:  b  ", "X-A:\tb\t", "X-A:", "X-A: ", "x-a: B", "X-A : b"],
    ...["X-A\t: b"],
    ...[" X-A: b", "\tX-A: b", ": b", ":", "X-A", "X-A b", "X_A: b", "X.A: b", "X A: b", "X@A: b"],
    ...["X-A: b\r\n c", "X-A: b\r\n\tc", "X-A: b\nX-B: c", "X-A: b\rX-B: c", "X-A: \rb"],
    ...["X-A: b\n"],
    ...["X-A: b\0c", "X\0A: b", "X-A: b\x01", "X-A: b\x7f", "X-A: b\x80", "X-\xe4: b"],
    ...["X-A: \x0bb"],
    ...["X-A: b\r", "X-A: b\r\r", "\r", "\n", "X-A: b\r\n", 'X-A: "b', "X-A: (b"],
    ...["X-A: b;c=\"d\r\n e\""],
    ...["Connection: close", "Connection: keep-alive", "Connection: Host", "Connection: x-a, x-b"],
    ...["Connection: Content-Length", "Connection: Transfer-Encoding", "Connection: close, close"],
    ...["Expect: 100-continue", "Expect: x", "Upgrade: h2c", "Upgrade: websocket", "TE: trailers"],
    ...["Keep-Alive: timeout=1", "Proxy-Connection: close", "Max-Forwards: 0", "Trailer: X-A"],
    ...["Cookie: a=b\r\nCookie: c=d", "Authorization: a\r\nAuthorization: b", "Content-Type: a/b"],
];

const HOSTS = [
    ...["", "Host:", "Host: ", "Host: gateway.test\r\nHost: gateway.test", "Host: a\r\nHost: b"],
    ...["host: gateway.test", "HOST: gateway.test", "Host : gateway.test", " Host: gateway.test"],
    ...["Host: gateway.test:80", "Host: gateway.test:", "Host: gateway.test:x", "Host: :80"],
    ...["Host: GATEWAY.TEST", "Host: gateway.test.", "Host: gateway.test/a", "Host: a,b"],
    ...["Host: a b"],
    ...["Host: u@gateway.test", "Host: [::1]", "Host: [::1", "Host: 127.0.0.1", "Host: a\tb"],
    ...["Host: gateway.test\r\n x", "Host: gateway.test\0", "Host: \x80", "Host: a_b", "Host: -a"],
];

const FRAMINGS = [
    ...["Content-Length: 3", "Content-Length: 0", "Content-Length: 03", "Content-Length: +3"],
    ...["Content-Length: -3", "Content-Length: 3 ", "Content-Length:3", "Content-Length: 3,3"],
    ...["Content-Length: 3, 3", "Content-Length: 3\r\nContent-Length: 3", "Content-Length: 0x3"],
    ...["Content-Length: 3\r\nContent-Length: 0", "Content-Length: 0\r\nContent-Length: 3"],
    ...["Content-Length: ", "Content-Length", "Content-Length: a", "Content-Length: 3a"],
    ...["Content-Length: 3;"],
    ...["Content-Length: 3.0", "Content-Length: 3e0", "Content-Length: 0003", "Content-Length : 3"],
    ...["Content-Length\t: 3", " Content-Length: 3", "Content_Length: 3", "Content-Length: \x0b3"],
    ...["Content-Length: 4294967299", "Content-Length: 18446744073709551619"],
    ...["Content-Length: 3\0"],
    ...["Content-Length:\r\n 3", "Content-Length: 3\r\n ", "X: y\nContent-Length: 3"],
    ...["X: y\rContent-Length: 3"],
    ...["Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: CHUNKED"],
    ...["Transfer-Encoding:chunked", "Transfer-Encoding: chunked ", "Transfer-Encoding: \tchunked"],
    ...["Transfer-Encoding: chunked,", "Transfer-Encoding: ,chunked"],
    ...["Transfer-Encoding: chunked, chunked"],
    ...["Transfer-Encoding: identity", "Transfer-Encoding: identity, chunked"],
    ...["Transfer-Encoding: gzip"],
    ...["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity"],
    ...["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
    ...["Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"],
    ...["Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"],
    ...["Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx"],
    ...["Transfer-Encoding: chunked;a=b"],
    ...['Transfer-Encoding: "chunked"', "Transfer-Encoding: \x0bchunked"],
    ...["Transfer-Encoding: chunked\x0b"],
    ...["Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked"],
    ...[" Transfer-Encoding: chunked"],
    ...["Transfer_Encoding: chunked", "Transfer-Encoding:\r\n chunked"],
    ...["Transfer-Encoding: chun\r\n ked"],
    ...["X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked"],
    ...["Transfer-Encoding: "],
    ...["Transfer-Encoding: chunked\0", "Transfer-Encoding: c\0hunked"],
    ...["\0Transfer-Encoding: chunked"],
    ...["Transfer-Encoding: chunked\r\nContent-Length: 3"],
    ...["Content-Length: 3\r\nTransfer-Encoding: chunked"],
    ...["Transfer-Encoding: chunked\r\nContent-Length: 0"],
    ...["Content-Length: 0\r\nTransfer-Encoding: x"],
    ...["Content-Length: 3\r\nTransfer-Encoding: identity"],
    ...["Content-Length: 3\r\nTransfer-Encoding: "],
    ...["Content-Length: 3\r\nUpgrade: h2c", "Content-Length: 3\r\nExpect: 100-continue"],
    ...["Content-Length: 3\r\nConnection: Content-Length"],
    ...["Content-Length: 3\r\nConnection: close"],
];

const CHUNKS = [
    ...["0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "03\r\nabc\r\n0\r\n\r\n"],
    ...["0000000000000003\r\nabc\r\n0\r\n\r\n"],
    ...["00000000000000003\r\nabc\r\n0\r\n\r\n", "A\r\n0123456789\r\n0\r\n\r\n"],
    ...["a\r\n0123456789\r\n0\r\n\r\n"],
    ...["3 \r\nabc\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n", "3\t\r\nabc\r\n0\r\n\r\n"],
    ...["+3\r\nabc\r\n0\r\n\r\n"],
    ...["-3\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "3h\r\nabc\r\n0\r\n\r\n"],
    ...["g\r\nabc\r\n0\r\n\r\n"],
    ...["\r\nabc\r\n0\r\n\r\n", "3\nabc\n0\n\n", "3\r\nabc\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n"],
    ...["3\rabc\r\n0\r\n\r\n"],
    ...["3\r\nabc\r\n0\r\n\n", "3\r\nabc\r\n0\n\r\n", "3\r\nabc0\r\n\r\n"],
    ...["3\r\nabcd\r\n0\r\n\r\n", "3\r\nab\r\n0\r\n\r\n"],
    ...["3;a\r\nabc\r\n0\r\n\r\n", "3;a=b\r\nabc\r\n0\r\n\r\n", '3;a="b;c"\r\nabc\r\n0\r\n\r\n'],
    ...["3 ;a\r\nabc\r\n0\r\n\r\n"],
    ...["3;a\nb\r\nabc\r\n0\r\n\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n"],
    ...['3;a="b\r\nc"\r\nabc\r\n0\r\n\r\n', "3;\0\r\nabc\r\n0\r\n\r\n"],
    ...["0;a\r\n\r\n", "0\r\nX-A: b\r\n\r\n", "0\r\nX-A: b\r\nX-B: c\r\n\r\n", "0\r\nX-A\r\n\r\n"],
    ...["0\r\n: b\r\n\r\n"],
    ...["0\r\nX-A : b\r\n\r\n", "0\r\n X-A: b\r\n\r\n", "0\r\nX-A: b\r\n c\r\n\r\n"],
    ...["0\r\nX-A: b\n\r\n", "0\r\nX-A: b\r\n\n"],
    ...["0\r\nContent-Length: 9\r\n\r\n", "0\r\nTransfer-Encoding: x\r\n\r\n"],
    ...["0\r\nHost: other\r\n\r\n", "0\r\nGET /b HTTP/1.1\r\n\r\n"],
    ...["10000000000000000\r\n", "8000000000000000\r\n", "ffffffffffffffff\r\n"],
    ...["fffffffffffffffe\r\nabc\r\n0\r\n\r\n"],
    ...["3\r\nabc\r\n00\r\n\r\n", "3\r\nabc\r\n000000000000000000\r\n\r\n", "0\r\n", "0\r\n\r"],
    ...["3\r\nab", "3\r\nabc\r\n"],
];

const WHOLE = [
    ...["\r\n", "\n", "\r\n\r\n", "\r", "\0"].map((before) => before + get()),
    get().replaceAll("\r\n", "\n"),
    get().replaceAll("\r\n", "\r"),
    get().replaceAll("\r\n", "\r\r\n"),
    get().replaceAll("\r\n", "\n\r"),
    get().replace("\r\n\r\n", "\r\n\n"),
    get().replace("\r\n\r\n", "\n\r\n"),
    get().replace("\r\n\r\n", "\n\n"),
    get().replace("\r\n\r\n", "\r\n\r\r\n"),
    get().replace("\r\n\r\n", "\r\n \r\n\r\n"),
    get() + get(),
    get("Connection: close") + get(),
    message("GET /a HTTP/1.0", HOST) + get(),
    message("GET /a HTTP/1.0", HOST, "Connection: keep-alive") + get(),
    message("GET /a HTTP/1.0"),
    message("GET http://gateway.test/a HTTP/1.0"),
    `${post("Content-Length: 3")}abc${get()}`,
    `${post("Content-Length: 3")}abc\r\n${get()}`,
    `${post("Content-Length: 3")}ab`,
    `${get("Content-Length: 3")}abc`,
    `${message("HEAD /a HTTP/1.1", HOST, "Content-Length: 3")}abc`,
    `${message("POST /a HTTP/1.0", HOST, "Transfer-Encoding: chunked")}0\r\n\r\n`,
    "\x16\x03\x01\x00\x05hello",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

export const VALID = [
    get(),
    get("Accept: */*", "User-Agent: a/1 (b; c)", "Cookie: a=b; c=d", "X-Empty:"),
    get("Connection: keep-alive, X-A", "X-A: b") + get("Connection: close"),
    `${post("Content-Length: 3", "Content-Type: a/b")}abc${get()}`,
    `${post("Expect: 100-continue", "Content-Length: 11")}hello world${get()}`,
    `${post("Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n${get()}`,
    `${post("Transfer-Encoding: chunked")}5;a=b\r\nhello\r\n1\r\nx\r\n0\r\nX-A: b\r\n\r\n`,
    `${post("Transfer-Encoding: chunked", "Trailer: X-A")}10\r\n0123456789abcdef\r\n0\r\n\r\n`,
    message("GET /a/b;c/d?e=f&g=%20 HTTP/1.1", HOST),
    message("GET http://gateway.test:80/a?b HTTP/1.1", HOST),
    message("PUT /a HTTP/1.0", HOST, "Connection: keep-alive", "Content-Length: 0") + get(),
    message("OPTIONS * HTTP/1.1", HOST, "Max-Forwards: 3"),
];

/* Whoever sends them puts a request behind each, which nobody is to lose or to see twice. */
export function corpus() {
    const chunked = post("Transfer-Encoding: chunked");
    return [
        ...VALID,
        ...WHOLE,
        ...LINES.map((line) => message(line, HOST)),
        ...TARGETS.map((target) => message(`GET ${target} HTTP/1.1`, HOST)),
        ...TARGETS.map((target) => message(`OPTIONS ${target} HTTP/1.1`, HOST)),
        ...FIELDS.map((field) => get(field)),
        ...FIELDS.map((field) => get(field).replace(HOST, `X-Before: 1\r\n${field}\r\n${HOST}`)),
        ...HOSTS.map((host) => message("GET /a HTTP/1.1", ...(host === "" ? [] : [host]))),
        ...HOSTS.map((host) => message("GET http://gateway.test/a HTTP/1.1", host || "X: y")),
        ...FRAMINGS.map((framing) => `${post(framing)}abc`),
        ...FRAMINGS.map((framing) => `${post(framing)}3\r\nabc\r\n0\r\n\r\n`),
        ...FRAMINGS.map((framing) => `${get(framing)}0\r\n\r\n${SMUGGLED}`),
        ...CHUNKS.map((chunks) => chunked + chunks),
    ];
}

/* ---- mutations ------------------------------------------------------------------------------- */

/* mulberry32: 32 bits of state, the same walk for the same seed everywhere. */
export function randomNumbers(seed) {
    let state = seed >>> 0;
    return (limit) => {
        state = (state + 0x6d2b79f5) >>> 0;
        let x = Math.imul(state ^ (state >>> 15), state | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) % limit;
    };
}

const BYTES = "\r\n\0 \t:;,\x0b\x0c\x7f\x80\xff\"\\#%?/.-_+0123456789abcfxX";
const WORDS = [
    ...["\r\n", "\r\n\r\n", "\r\n ", "\n\n", "0\r\n\r\n", "Content-Length: 3\r\n", "chunked"],
    ...["HTTP/1.1"],
    ...["Transfer-Encoding: chunked\r\n", "Content-Length: 0\r\n", "Host: other\r\n", "%2f"],
    ...["http://"],
    ...["Connection: close\r\n", "Expect: 100-continue\r\n", "X: y\r\n", ", "],
    ...["GET /b HTTP/1.1\r\n"],
];

export function mutate(bytes, random) {
    for (let i = random(2); i >= 0; i--) {
        const at = random(bytes.length + 1);
        const byte = BYTES[random(BYTES.length)];
        const size = 1 + random(8);
        const lines = bytes.split("\r\n");
        const line = random(lines.length);
        switch (random(7)) {
            case 0:
                bytes = bytes.slice(0, at) + byte + bytes.slice(at + 1);
                break;
            case 1:
                bytes = bytes.slice(0, at) + byte + bytes.slice(at);
                break;
            case 2:
                bytes = bytes.slice(0, at) + bytes.slice(at + size);
                break;
            case 3:
                bytes = bytes.slice(0, at) + WORDS[random(WORDS.length)] + bytes.slice(at);
                break;
            case 4:
                lines.splice(line, 0, lines[random(lines.length)]);
                bytes = lines.join("\r\n");
                break;
            case 5:
                lines.splice(line, 1);
                bytes = lines.join("\r\n");
                break;
            default:
                bytes = bytes.slice(0, at) + bytes.slice(random(bytes.length + 1)).slice(0, 40);
        }
    }
    return bytes;
}
