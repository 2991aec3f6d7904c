/// How the nodes of a cluster know each other: certificates, a shared secret, or both.
/// Thread safety: plain values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace vecstore::replication {

inline constexpr std::size_t secret_bytes_min = 16;

/// PEM files. TLS 1.3 alone is spoken, and each side shows a certificate.
struct tls_options {
    std::string certificate_file;  ///< of this node, with what stands between it and the authority
    std::string key_file;
    std::string authority_file;  ///< who signs the certificates of nodes; the system's authorities are not asked
    /// True: the certificate of a node has its id, 32 hexadecimal digits, among its DNS names, so that a node cannot
    /// pass for another. False: whoever has a certificate of the authority may be any node.
    bool node_in_certificate = true;
};

struct security_options {
    std::optional<tls_options> tls;
    /// At least `secret_bytes_min` bytes that nobody can guess; empty: none. All nodes have the same. It is never sent: each
    /// side proves that it has it, for this connection alone, and under TLS for this channel alone.
    std::string secret;
    /// Without TLS, connections are made and taken within this machine alone, unless this is set. Whoever can listen to
    /// such connections reads all points; whoever can change what is on its way changes them.
    bool insecure = false;
};

}  // namespace vecstore::replication
