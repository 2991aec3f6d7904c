/// An authority and certificates of nodes, made for one test, as PEM files in a directory of its own.
#pragma once

#include <vecstore/replication/security.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <support/temporary_directory.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace vecstore::test {

class test_authority {
public:
    explicit test_authority(const std::string& name = "authority") : name_(name) {
        key_.reset(EVP_EC_gen("P-256"));
        certificate_.reset(make(name, key_.get(), nullptr));
        save_certificate(file(name + ".pem"), certificate_.get());
    }

    /// A certificate whose DNS names are `names`, e.g. "DNS:abc".
    [[nodiscard]] replication::tls_options issue(const std::string& file_name, const std::string& names) {
        const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
        const std::unique_ptr<X509, void (*)(X509*)> made(make(file_name, key.get(), names.c_str()), X509_free);
        replication::tls_options options;
        options.certificate_file = file(file_name + ".pem");
        options.key_file = file(file_name + ".key");
        options.authority_file = file(name_ + ".pem");
        save_certificate(options.certificate_file, made.get());
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(options.key_file.c_str(), "w"),
                                                                  std::fclose);
        PEM_write_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        return options;
    }
    [[nodiscard]] std::string file(const std::string& name) const { return directory_.path() + "/" + name; }

private:
    X509* make(const std::string& name, EVP_PKEY* key, const char* names) {
        auto* made = X509_new();
        X509_set_version(made, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
        X509_gmtime_adj(X509_getm_notBefore(made), -3'600);
        X509_gmtime_adj(X509_getm_notAfter(made), 3'600);
        X509_set_pubkey(made, key);
        const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, text, -1, -1, 0);
        auto* issuer = certificate_ ? certificate_.get() : made;
        X509_set_issuer_name(made, X509_get_subject_name(issuer));
        if (names != nullptr)
            extend(made, NID_subject_alt_name, names);
        else
            extend(made, NID_basic_constraints, "critical,CA:TRUE");
        X509_sign(made, key_.get(), EVP_sha256());
        return made;
    }
    static void extend(X509* made, int what, const char* text) {
        auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, text);
        X509_add_ext(made, extension, -1);
        X509_EXTENSION_free(extension);
    }
    static void save_certificate(const std::string& path, X509* certificate) {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(path.c_str(), "w"), std::fclose);
        PEM_write_X509(out.get(), certificate);
    }

    temporary_directory directory_;
    std::string name_;
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_{nullptr, EVP_PKEY_free};
    std::unique_ptr<X509, void (*)(X509*)> certificate_{nullptr, X509_free};
    long serial_ = 0;
};

}  // namespace vecstore::test
