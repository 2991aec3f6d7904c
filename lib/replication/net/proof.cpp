#include "proof.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace vecstore::replication::net {
namespace {

const unsigned char* bytes_of(byte_span bytes) noexcept { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace

result<digest> make_proof(const std::string& secret, side who, const transcript& of) {
    byte_writer said;
    said.put_bytes(as_bytes("vecstore replication proof 1"));
    said.put(static_cast<std::uint8_t>(who));
    said.put_bytes(of.channel);
    said.put_sized(of.dialed_hello);
    said.put_sized(of.accepted_hello);
    digest made{};
    unsigned length = 0;
    const auto* done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(said.bytes()),
                            said.size(), reinterpret_cast<unsigned char*>(made.data()), &length);
    if (done == nullptr || length != made.size()) return error{errc::internal, "proof: HMAC failed"};
    return made;
}

bool equal(const digest& a, const digest& b) noexcept { return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

result<void> fill_random(std::span<std::byte> bytes) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
        return error{errc::internal, "no randomness is to be had"};
    return {};
}

}  // namespace vecstore::replication::net
