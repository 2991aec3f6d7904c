/// TLS of connections between nodes and to a coordinator: version 1.3 alone, both sides with certificates.
/// Thread safety: a context may be shared by connections of one thread at a time.
#pragma once

#include "../types.hpp"
#include "proof.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/replication/security.hpp>

#include <boost/asio/ssl/context.hpp>

#include <memory>

namespace vecstore::replication::net {

using tls_context = std::shared_ptr<boost::asio::ssl::context>;

/// `field`: what errors begin with. `shows`: false allows that no certificate is named, so that none is shown.
/// Errors: invalid_argument (a file cannot be read or is no certificate; the key is another's; names the field).
[[nodiscard]] result<tls_context> make_tls_context(const tls_options& options, const std::string& field,
                                                   bool shows = true);

/// What both ends of a channel can compute, and nobody between them.
/// Errors: internal.
[[nodiscard]] result<digest> channel_binding(SSL* channel);

/// Whether the certificate that the other side showed is that node's.
[[nodiscard]] bool certificate_names(SSL* channel, const node_id& node);

}  // namespace vecstore::replication::net
