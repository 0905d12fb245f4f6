/* SPDX-License-Identifier: Apache-2.0
 *
 * Every reason that sallyport gives, in one list. The answer to the client, the access log, the
 * metrics, the tests and docs/REASONS.md are made from it, so that one name means one thing
 * everywhere. Names are stable: they are part of the interface, and are never given a new meaning.
 *
 * REASON(IDENTIFIER, "name", HTTP status, fault, "cause", "fix")
 */

/* clang-format off */

/* ---- the client's certificate ------------------------------------------------------------- */
REASON(CERTIFICATE_MISSING, "certificate_missing", 400, CLIENT,
       "The client showed no certificate, and this route requires one.",
       "Send a client certificate that one of the configured trust anchors has issued.")
REASON(CERTIFICATE_MALFORMED, "certificate_malformed", 400, CLIENT,
       "A certificate in the presented chain is not valid DER or holds values that cannot be read.",
       "Issue the certificate again with a standard tool; check it with 'openssl x509 -text'.")
REASON(CERTIFICATE_CHAIN_TOO_LARGE, "certificate_chain_too_large", 400, CLIENT,
       "The presented chain has more certificates or bytes than the gateway accepts.",
       "Send the client certificate and its intermediates only: at most 10 certificates and 32 "
       "KiB.")
REASON(CERTIFICATE_KEY_UNACCEPTABLE, "certificate_key_unacceptable", 400, CLIENT,
       "A key in the presented chain is too weak, too large, of an unknown type, or on an unnamed "
       "curve.",
       "Use RSA of 2048 to 8192 bits, or ECDSA on P-256, P-384 or P-521, or Ed25519.")
REASON(CERTIFICATE_SIGNATURE_WEAK, "certificate_signature_weak", 400, CLIENT,
       "A certificate in the path is signed with an algorithm that is no longer safe.",
       "Issue the certificate again with SHA-256 or better.")
REASON(CERTIFICATE_ISSUER_UNKNOWN, "certificate_issuer_unknown", 400, CLIENT,
       "No path leads from the client certificate to a trust anchor of this route.",
       "Use a certificate of a trusted issuer, send the intermediates with it, or add the anchor "
       "to the trust profile.")
REASON(CERTIFICATE_SELF_SIGNED, "certificate_self_signed", 400, CLIENT,
       "The client certificate is signed by itself and is not a trust anchor.",
       "Use a certificate that a trusted issuer has signed.")
REASON(CERTIFICATE_SIGNATURE_INVALID, "certificate_signature_invalid", 400, CLIENT,
       "The signature on a certificate of the path does not verify.",
       "The certificate was changed after it was signed, or its issuer has the same name and "
       "another key. Issue it again.")
REASON(CERTIFICATE_EXPIRED, "certificate_expired", 400, CLIENT,
       "The client certificate has expired.",
       "Renew the client certificate.")
REASON(CERTIFICATE_NOT_YET_VALID, "certificate_not_yet_valid", 400, CLIENT,
       "The client certificate is not valid yet.",
       "Check the clocks of the issuer and of the gateway, or wait until the certificate's "
       "notBefore.")
REASON(ISSUER_EXPIRED, "issuer_expired", 400, CLIENT,
       "An issuing certificate in the path, or the trust anchor, has expired.",
       "Renew the issuing certificate; where the anchor has expired, replace it in the trust "
       "profile.")
REASON(ISSUER_NOT_YET_VALID, "issuer_not_yet_valid", 400, CLIENT,
       "An issuing certificate in the path is not valid yet.",
       "Check the clocks of the issuer and of the gateway.")
REASON(CERTIFICATE_PURPOSE_WRONG, "certificate_purpose_wrong", 400, CLIENT,
       "The certificate may not be used by a TLS client: its extended key usage or key usage does "
       "not allow it.",
       "Issue the certificate with the extended key usage clientAuth (1.3.6.1.5.5.7.3.2) and "
       "digitalSignature.")
REASON(ISSUER_NOT_A_CA, "issuer_not_a_ca", 400, CLIENT,
       "A certificate that signed another one in the path is not a CA, or may not sign "
       "certificates.",
       "The issuer needs basicConstraints CA:TRUE and the key usage keyCertSign.")
REASON(ISSUER_NOT_ALLOWED, "issuer_not_allowed", 400, CLIENT,
       "The certificate is valid, but the CA that signed it is none of those that the trust "
       "profile wants certificates from ('issuers', 'verify_issuer_dn').",
       "Use a certificate of one of these CAs, or add the CA to the trust profile.")
REASON(CERTIFICATE_POLICY_MISSING, "certificate_policy_missing", 400, CLIENT,
       "The path is not valid for a certificate policy that the trust profile, or a CA of the "
       "path, requires.",
       "Use a certificate that was issued under one of the required policies.")
REASON(CERTIFICATE_PATH_TOO_LONG, "certificate_path_too_long", 400, CLIENT,
       "The path to the anchor is longer than the trust profile or an issuing certificate allows.",
       "Raise 'depth' in the trust profile, or use a certificate closer to the anchor.")
REASON(CERTIFICATE_NAME_NOT_PERMITTED, "certificate_name_not_permitted", 400, CLIENT,
       "A name in the certificate lies outside the name constraints of its issuer.",
       "Ask the issuer for a certificate with a name that it may certify.")
REASON(CERTIFICATE_EXTENSION_UNKNOWN, "certificate_extension_unknown", 400, CLIENT,
       "A certificate in the path has a critical extension that the gateway does not understand.",
       "Issue the certificate without that critical extension.")
REASON(CERTIFICATE_REVOKED, "certificate_revoked", 400, CLIENT,
       "The issuer has revoked the client certificate.",
       "Use a new certificate; the access log's 'detail' field says since when, and why.")
REASON(ISSUER_REVOKED, "issuer_revoked", 400, CLIENT,
       "An issuing certificate in the path has been revoked.",
       "Use a certificate of an issuer that is still trusted.")
REASON(CRL_MISSING, "crl_missing", 400, GATEWAY,
       "The gateway has no usable revocation list about the client certificate; the certificate "
       "itself may be good.",
       "Give the list of the certificate's issuer in 'revocation.crl' of the trust profile; the "
       "event log says why a list cannot be used.")
REASON(CRL_EXPIRED, "crl_expired", 400, GATEWAY,
       "The revocation list about the client certificate has expired: the list is at fault, not "
       "the certificate.",
       "Publish a new list, or see in the event log why it could not be fetched; "
       "'revocation.when_crl_expired' says what is done meanwhile.")
REASON(CRL_NOT_YET_VALID, "crl_not_yet_valid", 400, GATEWAY,
       "The revocation list about the client certificate begins in the future.",
       "Check the clocks of the list's issuer and of the gateway.")
REASON(OCSP_UNAVAILABLE, "ocsp_unavailable", 400, GATEWAY,
       "No OCSP responder could be brought to say whether the client certificate is revoked; the "
       "certificate itself may be good.",
       "Try again; the access log's 'detail' field says what went wrong with the responder.")
REASON(OCSP_UNKNOWN, "ocsp_unknown", 400, CLIENT,
       "The OCSP responder of the issuer does not know the client certificate.",
       "Ask the issuer whether it has issued the certificate, and whether its responder knows.")
REASON(OCSP_RESPONDER_MISSING, "ocsp_responder_missing", 400, CLIENT,
       "Neither the client certificate nor the configuration names an OCSP responder.",
       "Set 'revocation.ocsp.responder' of the trust profile, or issue certificates that name one.")
REASON(REVOCATION_TIMEOUT, "revocation_timeout", 400, GATEWAY,
       "Whether the client certificate is revoked could not be found out in time.",
       "Try again; the event log says why the list or the responder did not answer.")
REASON(CERTIFICATE_REFUSED, "certificate_refused", 400, CLIENT,
       "Validation of the certificate path failed for a reason that has no name of its own.",
       "The access log's 'detail' field holds the library's words for it.")
REASON(POSSESSION_UNPROVEN, "possession_unproven", 0, CLIENT,
       "The client showed a certificate, but could not prove that it holds the private key.",
       "Check that key and certificate belong together. Nothing in the certificate is to be "
       "believed.")

/* ---- the TLS handshake ---------------------------------------------------------------------- */
REASON(HANDSHAKE_NOT_TLS, "handshake_not_tls", 400, CLIENT,
       "What the client sent is not TLS; plain HTTP was sent to an HTTPS port, perhaps.",
       "Use https:// in the URL.")
REASON(HANDSHAKE_VERSION_UNSUPPORTED, "handshake_version_unsupported", 0, CLIENT,
       "Client and gateway have no TLS version in common.",
       "Use a client with TLS 1.2 or 1.3, or lower 'min_version' in the TLS profile.")
REASON(HANDSHAKE_NO_SHARED_CIPHER, "handshake_no_shared_cipher", 0, CLIENT,
       "Client and gateway have no cipher suite, group or signature algorithm in common.",
       "Compare the client's offer with the TLS profile.")
REASON(HANDSHAKE_PROTOCOL_UNSUPPORTED, "handshake_protocol_unsupported", 0, CLIENT,
       "The client's ALPN list has no protocol that this listener speaks.",
       "Offer http/1.1, or no ALPN at all.")
REASON(HANDSHAKE_REFUSED_BY_CLIENT, "handshake_refused_by_client", 0, CLIENT,
       "The client ended the handshake with a TLS alert: usually it does not trust the server's "
       "certificate.",
       "Give the client the issuer of the server's certificate, and use a host name that the "
       "certificate holds.")
REASON(HANDSHAKE_TIMEOUT, "handshake_timeout", 0, CLIENT,
       "The handshake was not finished in time.",
       "Check the network; the limit is 'limits.handshake_time'.")
REASON(HANDSHAKE_ABANDONED, "handshake_abandoned", 0, CLIENT,
       "The client closed the connection before the handshake was finished.",
       "Health checks that open a port and close it look like this; otherwise see the client's "
       "own log.")
REASON(HANDSHAKE_FAILED, "handshake_failed", 0, CLIENT,
       "The handshake failed in a way that has no name of its own.",
       "The access log's 'detail' field holds the library's words for it.")

/* ---- the request ---------------------------------------------------------------------------- */
REASON(REQUEST_LINE_MALFORMED, "request_line_malformed", 400, CLIENT,
       "The request line does not follow RFC 9112 section 3.",
       "Send METHOD SP TARGET SP HTTP/1.1 CR LF.")
REASON(REQUEST_LINE_ENDING_BARE, "request_line_ending_bare", 400, CLIENT,
       "A line of the request ends in LF alone; HTTP lines end in CR LF.",
       "Type with 'openssl s_client -crlf', or send CR LF.")
REASON(REQUEST_METHOD_UNSUPPORTED, "request_method_unsupported", 501, CLIENT,
       "This gateway does not forward the method.",
       "Methods are written in capital letters, and have at most 32.")
REASON(REQUEST_METHOD_REFUSED, "request_method_refused", 405, CLIENT,
       "The gateway makes no tunnels and shows no requests: CONNECT and TRACE are refused.",
       "Use another method; the Allow header names some.")
REASON(REQUEST_VERSION_UNSUPPORTED, "request_version_unsupported", 505, CLIENT,
       "The request's HTTP version is neither 1.0 nor 1.1.",
       "Use HTTP/1.1.")
REASON(REQUEST_TARGET_MALFORMED, "request_target_malformed", 400, CLIENT,
       "The request target has characters or a form that RFC 9112 section 3.2 does not allow.",
       "Percent-encode everything outside the characters that a URI may hold.")
REASON(REQUEST_PATH_AMBIGUOUS, "request_path_ambiguous", 400, CLIENT,
       "The path can be read in more than one way: an encoded slash, backslash, dot or NUL, a dot "
       "segment, or a bad escape.",
       "Send the path in its plain form.")
REASON(REQUEST_TARGET_TOO_LONG, "request_target_too_long", 414, CLIENT,
       "The request target is longer than the limit.",
       "Shorten it; the limit is 'limits.request_target_size'.")
REASON(REQUEST_HEADER_TOO_LARGE, "request_header_too_large", 431, CLIENT,
       "The request's header is larger than the limit.",
       "Send fewer or smaller headers; the limit is 'limits.request_header_size'.")
REASON(REQUEST_HEADERS_TOO_MANY, "request_headers_too_many", 431, CLIENT,
       "The request has more headers than the limit allows.",
       "Send fewer headers; the limit is 'limits.request_header_count'.")
REASON(REQUEST_HEADER_MALFORMED, "request_header_malformed", 400, CLIENT,
       "A header does not follow RFC 9112 section 5: a bad name or value, a folded line, or a "
       "space before the colon.",
       "Send NAME: VALUE CR LF, without control characters.")
REASON(REQUEST_HEADER_NAME_REFUSED, "request_header_name_refused", 400, CLIENT,
       "A header name has a character outside A-Z, a-z, 0-9 and '-'; backends may read it as "
       "another header.",
       "Rename the header, with '-' in place of '_' or '.'.")
REASON(REQUEST_HOST_MISSING, "request_host_missing", 400, CLIENT,
       "The request has no Host header.",
       "Send exactly one Host header.")
REASON(REQUEST_HOST_MALFORMED, "request_host_malformed", 400, CLIENT,
       "The Host header is not a host with an optional port, or appears twice.",
       "Send exactly one valid Host header.")
REASON(REQUEST_FRAMING_AMBIGUOUS, "request_framing_ambiguous", 400, CLIENT,
       "It is not certain where the request ends: Content-Length and Transfer-Encoding conflict, "
       "repeat, or are malformed.",
       "Send one Content-Length, or Transfer-Encoding: chunked, and not both.")
REASON(REQUEST_CONNECTION_MALFORMED, "request_connection_malformed", 400, CLIENT,
       "The Connection header names a field that is not the client's to remove.",
       "Do not list Host, framing, Authorization, forwarding or identity headers in Connection.")
REASON(FORWARDED_FOR_MALFORMED, "forwarded_for_malformed", 400, CLIENT,
       "A trusted proxy sent an X-Forwarded-For in which, where the client should be named, there "
       "is no IP address.",
       "Let the proxy add the address of whoever connects to it, or take it out of "
       "'trusted_proxies'.")
REASON(REQUEST_UPGRADE_UNSUPPORTED, "request_upgrade_unsupported", 501, CLIENT,
       "The transfer coding that the request's content has is not supported.",
       "Use chunked as the only transfer coding.")
REASON(REQUEST_EXPECTATION_UNSUPPORTED, "request_expectation_unsupported", 417, CLIENT,
       "The Expect header asks for something else than 100-continue.",
       "Use 100-continue as the only expectation, or none.")
REASON(REQUEST_LOOP, "request_loop", 508, GATEWAY,
       "The request has been here before: its Via header names this gateway.",
       "Look for a backend or proxy that sends requests back; gateways that follow each other need "
       "different names, see 'via'.")
REASON(REQUEST_CHUNK_MALFORMED, "request_chunk_malformed", 400, CLIENT,
       "The chunked content of the request does not follow RFC 9112 section 7.1.",
       "Check the client's chunked encoding.")
REASON(REQUEST_CHUNK_EXTENSIONS_TOO_LARGE, "request_chunk_extensions_too_large", 400, CLIENT,
       "The chunk extensions of the request's content are larger than the limit.",
       "Send chunks without extensions; the limit is 'limits.chunk_extension_size'.")
REASON(REQUEST_TRAILERS_TOO_LARGE, "request_trailers_too_large", 431, CLIENT,
       "The trailers behind the request's content are larger than the limit, or there are more.",
       "Send fewer or smaller trailers; the limits are 'limits.trailer_size' and "
       "'limits.trailer_count'.")
REASON(REQUEST_CONTENT_TOO_LARGE, "request_content_too_large", 413, CLIENT,
       "The request's content is larger than the limit.",
       "Send less; the limit is 'limits.request_content_size'.")
REASON(REQUEST_TIMEOUT, "request_timeout", 408, CLIENT,
       "The client did not send the head of its request in time.",
       "Check the network; the limit is 'limits.request_time'.")
REASON(REQUEST_CONTENT_TIMEOUT, "request_content_timeout", 408, CLIENT,
       "No more of the request's content came in time.",
       "Check the network; the limit is 'limits.request_idle_time'.")
REASON(REQUEST_TOO_SLOW, "request_too_slow", 408, CLIENT,
       "The request's content came more slowly than a client must send.",
       "Check the network; the limit is 'limits.request_rate'.")
REASON(REQUEST_ABANDONED, "request_abandoned", 499, CLIENT,
       "The client closed the connection before the answer was complete.",
       "See the client's own log; 499 appears in the log only.")
REASON(CLIENT_TOO_SLOW, "client_too_slow", 499, CLIENT,
       "The client took nothing of the answer in time.",
       "Check the network; the limit is 'limits.response_idle_time'.")
REASON(CLIENT_RATE_TOO_LOW, "client_rate_too_low", 499, CLIENT,
       "The client took the answer more slowly than a client must.",
       "Check the network; the limit is 'limits.response_rate'.")
REASON(REQUEST_MISDIRECTED, "request_misdirected", 421, CLIENT,
       "The request's host is served by a listener that judges clients differently from the one "
       "that this connection was made to.",
       "Open a new connection with the host's own name as SNI.")
REASON(HOST_NOT_FOUND, "host_not_found", 404, CLIENT,
       "No listener of this address serves the request's host.",
       "Check the host name, and 'hosts' of the listeners.")
REASON(ROUTE_NOT_FOUND, "route_not_found", 404, CLIENT,
       "No route of the listener matches the request.",
       "Check the path and the method, and 'routes' of the listener.")

/* ---- policy --------------------------------------------------------------------------------- */
REASON(POLICY_DENIED, "policy_denied", 403, CLIENT,
       "A rule of the route's policy denies this request to this client.",
       "The access log's 'policy', 'rule' and 'rule_at' fields say which rule it was.")
REASON(POLICY_NO_MATCH, "policy_no_match", 403, CLIENT,
       "No rule of the route's policy matches this client and this request.",
       "Add a rule that allows it; the access log says what the certificate holds.")
REASON(POLICY_UNDECIDABLE, "policy_undecidable", 403, CLIENT,
       "A rule of the policy asks for something that the certificate says in a way that two "
       "readers could understand differently: a name with a NUL or unseen characters, an "
       "attribute twice, a list that cannot be read.",
       "Issue the certificate again; the access log's 'rule' fields say which rule asked.")

/* ---- the backend ---------------------------------------------------------------------------- */
REASON(BACKEND_UNREACHABLE, "backend_unreachable", 502, BACKEND,
       "No connection to the backend could be made.",
       "Check that the backend runs, and its address.")
REASON(BACKEND_UNRESOLVED, "backend_unresolved", 502, BACKEND,
       "No address is known for any endpoint of the backend.",
       "Check the names of its endpoints and the name servers; 'events' says what DNS answered.")
REASON(BACKEND_CONNECT_TIMEOUT, "backend_connect_timeout", 504, BACKEND,
       "The backend did not accept a connection in time.",
       "Check that the backend runs; the limit is 'timeouts.connect' of the backend.")
REASON(BACKEND_CERTIFICATE_EXPIRED, "backend_certificate_expired", 502, BACKEND,
       "The backend's certificate has expired, or is not valid yet.",
       "Renew the backend's certificate, and check the clocks of both machines.")
REASON(BACKEND_CERTIFICATE_UNTRUSTED, "backend_certificate_untrusted", 502, BACKEND,
       "No path leads from the backend's certificate to a CA in 'tls.trust' of the backend.",
       "Add the CA to 'tls.trust' of the backend, and let the backend send its intermediates.")
REASON(BACKEND_CERTIFICATE_NAME, "backend_certificate_name", 502, BACKEND,
       "The backend's certificate is for another name; names count in subjectAltName alone.",
       "Issue it for the host of the endpoint, or set 'tls.server_name' of the backend to the name "
       "that it has.")
REASON(BACKEND_CERTIFICATE_INVALID, "backend_certificate_invalid", 502, BACKEND,
       "The backend's certificate cannot be accepted: wrong purpose, weak key, bad signature.",
       "See the access log's 'detail' field, and issue the backend's certificate again.")
REASON(BACKEND_TLS_VERSION, "backend_tls_version_unsupported", 502, BACKEND,
       "Gateway and backend have no version of TLS in common.",
       "Let the backend speak TLS 1.2 or 1.3; see 'tls.policy' of the backend.")
REASON(BACKEND_TLS_REFUSED, "backend_tls_refused", 502, BACKEND,
       "The backend has ended the TLS connection with an alert, as for a client certificate that "
       "is missing or that it does not accept.",
       "See the access log's 'detail' field and the backend's own log; 'tls.certificate' of the "
       "backend is what it is shown.")
REASON(BACKEND_TLS_FAILED, "backend_tls_failed", 502, BACKEND,
       "The TLS handshake with the backend has failed.",
       "See the access log's 'detail' field; check that the endpoint speaks TLS on this port.")
REASON(BACKEND_CLOSED, "backend_closed", 502, BACKEND,
       "The backend closed the connection before its answer was complete.",
       "See the backend's own log.")
REASON(BACKEND_RESPONSE_MALFORMED, "backend_response_malformed", 502, BACKEND,
       "The backend's answer does not follow HTTP/1.1, or it is not certain where it ends.",
       "See the access log's 'detail' field, and mend the backend.")
REASON(BACKEND_RESPONSE_TOO_LARGE, "backend_response_too_large", 502, BACKEND,
       "The header of the backend's answer is larger than the limit.",
       "Send fewer or smaller headers; the limit is 'limits.response_header_size'.")
REASON(BACKEND_HEADERS_TOO_MANY, "backend_headers_too_many", 502, BACKEND,
       "The backend's answer has more headers than the limit allows.",
       "Send fewer headers; the limit is 'limits.response_header_count'.")
REASON(BACKEND_RESPONSE_TIMEOUT, "backend_response_timeout", 504, BACKEND,
       "The backend did not answer in time.",
       "See the backend's own log; the limit is 'timeouts.response' of the backend.")
REASON(BACKEND_BUSY, "backend_busy", 503, BACKEND,
       "The backend has as many connections as it may have, and as many requests wait as may.",
       "Raise 'connections' or 'queue.size' of the backend, or add endpoints.")
REASON(BACKEND_QUEUE_TIMEOUT, "backend_queue_timeout", 503, BACKEND,
       "The request has waited too long for a connection to the backend.",
       "Raise 'connections' or 'queue.timeout' of the backend, or add endpoints.")

/* ---- the gateway itself --------------------------------------------------------------------- */
REASON(DRAINING, "draining", 503, GATEWAY,
       "The gateway is shutting down and takes no new requests.",
       "Try again: another instance will answer.")
REASON(BUDGET_EXCEEDED, "budget_exceeded", 503, GATEWAY,
       "A limit on the gateway's memory or connections was reached.",
       "See the metrics; raise 'limits.connections' where the machine has room.")
REASON(IDENTITY_HEADER_TOO_LARGE, "identity_header_too_large", 431, CLIENT,
       "The identity headers for the backend do not fit its header limit.",
       "Forward fewer identity headers, or issue smaller certificates.")
REASON(INTERNAL, "internal", 500, GATEWAY,
       "The gateway could not decide. A failure to decide is a refusal.",
       "This is a defect: please report it with the trace id and the log.")

/* clang-format on */
