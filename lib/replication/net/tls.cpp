#include "tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace vecstore::replication::net {
namespace ssl = boost::asio::ssl;

result<tls_context> make_tls_context(const tls_options& options, const std::string& place, bool shows) {
    boost::system::error_code failed;
    const auto bad = [&](const char* field, const std::string& file) {
        return invalid_argument(place + "." + field + ": '" + file + "': " + failed.message());
    };
    auto made = std::make_shared<ssl::context>(ssl::context::tls);
    if (SSL_CTX_set_min_proto_version(made->native_handle(), TLS1_3_VERSION) != 1)
        return error{errc::unsupported, place + ": this OpenSSL has no TLS 1.3"};
    SSL_CTX_set_session_cache_mode(made->native_handle(), SSL_SESS_CACHE_OFF);
    if (made->load_verify_file(options.authority_file, failed)) return bad("authority_file", options.authority_file);
    if (shows || !options.certificate_file.empty()) {
        if (made->use_certificate_chain_file(options.certificate_file, failed))
            return bad("certificate_file", options.certificate_file);
        if (made->use_private_key_file(options.key_file, ssl::context::pem, failed))
            return bad("key_file", options.key_file);
        if (SSL_CTX_check_private_key(made->native_handle()) != 1)
            return invalid_argument(place + ".key_file: '" + options.key_file + "' is not the certificate's key");
    }
    if (made->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, failed))
        return error{errc::internal, place + ": " + failed.message()};
    return made;
}

result<digest> channel_binding(SSL* channel) {
    constexpr std::string_view label = "EXPORTER-vecstore-replication";
    digest made{};
    if (SSL_export_keying_material(channel, reinterpret_cast<unsigned char*>(made.data()), made.size(), label.data(),
                                   label.size(), nullptr, 0, 0) != 1)
        return error{errc::internal, "TLS exports no keying material"};
    return made;
}

bool certificate_names(SSL* channel, const node_id& node) {
    const std::unique_ptr<X509, void (*)(X509*)> shown(SSL_get1_peer_certificate(channel), X509_free);
    if (!shown) return false;
    const auto name = full_name(node);
    constexpr unsigned exactly = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    return X509_check_host(shown.get(), name.data(), name.size(), exactly, nullptr) == 1;
}

}  // namespace vecstore::replication::net
