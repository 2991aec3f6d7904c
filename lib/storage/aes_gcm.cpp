// The only file that knows OpenSSL.
#include <vecstore/storage/cipher.hpp>

#if defined(VECSTORE_OPENSSL)
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstring>

namespace vecstore::storage {

#if defined(VECSTORE_OPENSSL)
namespace {

const unsigned char* raw(const std::byte* at) noexcept { return reinterpret_cast<const unsigned char*>(at); }
unsigned char* raw(std::byte* at) noexcept { return reinterpret_cast<unsigned char*>(at); }

error no_context() { return {errc::resource_exhausted, "no memory for encryption"}; }

struct context_deleter {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }  // it wipes the key
};
using context = std::unique_ptr<EVP_CIPHER_CTX, context_deleter>;

/// Contexts hold the expanded key, which takes longer to make than a small value to encrypt; each is used by one thread at
/// a time. So they are kept in a few places, a thread looks at its own first, and whoever finds none makes one.
class aes_gcm final : public cipher {
public:
    explicit aes_gcm(const secret_key& key) : key_(key.clone()) {}
    ~aes_gcm() override {
        for (auto& each : kept_) context(each.context.load(std::memory_order_relaxed)).reset();
    }

    result<void> seal(const cipher_nonce& nonce, byte_span bound, byte_span plain,
                      std::span<std::byte> sealed) const override {
        auto used = take();
        auto* const at = used.get();
        auto* const tag = sealed.data() + plain.size();
        const bool done = at != nullptr && run(at, true, nonce, bound, plain, sealed.data()) &&
                          EVP_CIPHER_CTX_ctrl(at, EVP_CTRL_AEAD_GET_TAG, cipher_tag_bytes, tag) == 1;
        if (!done) return no_context();
        give_back(std::move(used));
        return {};
    }

    result<void> open(const cipher_nonce& nonce, byte_span bound, byte_span sealed,
                      std::span<std::byte> plain) const override {
        if (sealed.size() < cipher_tag_bytes) return corruption("encrypted bytes are cut short", {}, 0);
        const auto text = sealed.first(sealed.size() - cipher_tag_bytes);
        std::array<std::byte, cipher_tag_bytes> tag;
        std::memcpy(tag.data(), sealed.data() + text.size(), tag.size());
        auto used = take();
        auto* const at = used.get();
        if (at == nullptr) return no_context();
        const bool ready = EVP_CipherInit_ex(at, nullptr, nullptr, nullptr, raw(nonce.data()), 0) == 1 &&
                           EVP_CIPHER_CTX_ctrl(at, EVP_CTRL_AEAD_SET_TAG, cipher_tag_bytes, tag.data()) == 1;
        if (!ready) return no_context();
        const bool right = update(at, bound, text, plain.data());
        give_back(std::move(used));
        if (right) return {};
        if (!text.empty()) std::memset(plain.data(), 0, text.size());
        return corruption("encrypted bytes are damaged, or of another key or place", {}, 0);
    }

private:
    static constexpr std::size_t kept_max = 16;
    struct alignas(64) place {
        std::atomic<EVP_CIPHER_CTX*> context{nullptr};
    };

    static bool run(EVP_CIPHER_CTX* at, bool sealing, const cipher_nonce& nonce, byte_span bound, byte_span text,
                    std::byte* out) noexcept {
        return EVP_CipherInit_ex(at, nullptr, nullptr, nullptr, raw(nonce.data()), sealing ? 1 : 0) == 1 &&
               update(at, bound, text, out);
    }
    static bool update(EVP_CIPHER_CTX* at, byte_span bound, byte_span text, std::byte* out) noexcept {
        int written = 0;
        unsigned char none[cipher_tag_bytes];
        if (!bound.empty() &&
            EVP_CipherUpdate(at, nullptr, &written, raw(bound.data()), static_cast<int>(bound.size())) != 1)
            return false;
        if (!text.empty() &&
            EVP_CipherUpdate(at, raw(out), &written, raw(text.data()), static_cast<int>(text.size())) != 1)
            return false;
        return EVP_CipherFinal_ex(at, none, &written) == 1;
    }

    [[nodiscard]] place& own_place() const noexcept {
        static std::atomic<std::size_t> threads{0};
        thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);
        return kept_[number % kept_max];
    }
    [[nodiscard]] context take() const noexcept {
        context found(own_place().context.exchange(nullptr, std::memory_order_acquire));
        if (found != nullptr) return found;
        found.reset(EVP_CIPHER_CTX_new());
        if (found != nullptr &&
            EVP_CipherInit_ex(found.get(), EVP_aes_256_gcm(), nullptr, raw(key_.bytes().data()), nullptr, 1) != 1)
            found.reset();
        return found;
    }
    void give_back(context used) const noexcept {
        EVP_CIPHER_CTX* none = nullptr;
        if (own_place().context.compare_exchange_strong(none, used.get(), std::memory_order_release,
                                                        std::memory_order_relaxed))
            (void)used.release();
    }

    secret_key key_;
    mutable std::array<place, kept_max> kept_;
};

result<void> hmac(byte_span key, byte_span text, std::span<std::byte, cipher_key_bytes> out) {
    unsigned int bytes = 0;
    const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(text.data()), text.size(),
                            raw(out.data()), &bytes);
    if (done == nullptr || bytes != out.size()) return no_context();
    return {};
}

}  // namespace

bool encryption_available() noexcept { return true; }

void wipe(std::span<std::byte> bytes) noexcept { OPENSSL_cleanse(bytes.data(), bytes.size()); }

result<void> fill_random(std::span<std::byte> bytes) {
    if (RAND_bytes(raw(bytes.data()), static_cast<int>(bytes.size())) == 1) return {};
    return error{errc::io, "the system has no random bytes to give"};
}

/// 32 bytes are one block of the expansion: HMAC(HMAC(salt, from), info | 1).
result<secret_key> derive_key(const secret_key& from, byte_span salt, std::string_view info) {
    secret_key extracted, derived;
    VECSTORE_CHECK(hmac(salt, from.bytes(), extracted.bytes()));
    byte_writer text;
    text.put_bytes(as_bytes(info));
    text.put(std::uint8_t{1});
    VECSTORE_CHECK(hmac(extracted.bytes(), text.bytes(), derived.bytes()));
    return derived;
}

result<std::unique_ptr<cipher>> cipher::make(const secret_key& key) {
    return std::unique_ptr<cipher>(std::make_unique<aes_gcm>(key));
}

#else
namespace {

error not_built() { return {errc::unsupported, "built without OpenSSL: encrypted stores cannot be used"}; }

}  // namespace

bool encryption_available() noexcept { return false; }

void wipe(std::span<std::byte> bytes) noexcept {
    volatile auto* const at = bytes.data();
    for (std::size_t i = 0; i < bytes.size(); ++i) at[i] = std::byte{0};
}

result<void> fill_random(std::span<std::byte>) { return not_built(); }
result<secret_key> derive_key(const secret_key&, byte_span, std::string_view) { return not_built(); }
result<std::unique_ptr<cipher>> cipher::make(const secret_key&) { return not_built(); }

#endif

secret_key::secret_key(std::span<const std::byte, cipher_key_bytes> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}
secret_key::secret_key(secret_key&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
secret_key& secret_key::operator=(secret_key&& other) noexcept {
    if (this == &other) return *this;
    bytes_ = other.bytes_;
    wipe(other.bytes_);
    return *this;
}

result<nonce_sequence> nonce_sequence::start() {
    nonce_sequence made;
    VECSTORE_CHECK(fill_random(made.current_));
    return made;
}

const cipher_nonce& nonce_sequence::next() noexcept {
    for (auto& byte : current_) {
        byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
        if (byte != std::byte{0}) break;
    }
    return current_;
}

}  // namespace vecstore::storage
