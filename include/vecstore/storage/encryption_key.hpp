/// The key that a caller supplies for an encrypted store: 32 bytes, or a function that has them.
/// It wraps the store's own data key (keyring.hpp) and encrypts nothing else; it is never written, logged or told.
/// Thread safety: as std::shared_ptr; copies share the bytes, which are wiped with the last of them.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/cipher.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace vecstore {

class encryption_key {
public:
    static constexpr std::size_t bytes = storage::cipher_key_bytes;
    /// Writes the key; false when it cannot be had. Called once for each opening, by the thread that opens; what it wrote is
    /// wiped as soon as the data key has been unwrapped.
    using source = std::function<bool(std::span<std::byte, bytes> into)>;

    /// No key.
    encryption_key() = default;
    /// Copies the bytes. They must be random, or come from a function made for passwords: a password alone is no key.
    explicit encryption_key(std::span<const std::byte, bytes> key)
        : key_(std::make_shared<const storage::secret_key>(key)) {}
    /// Asks for them when they are needed, so that they need not stay in memory.
    explicit encryption_key(source ask) : ask_(std::move(ask)) {}

    [[nodiscard]] bool given() const noexcept { return key_ != nullptr || ask_ != nullptr; }
    /// The bytes, for their use.  Errors: wrong_key (none, or its source has none).
    [[nodiscard]] result<storage::secret_key> get() const {
        if (key_ != nullptr) return key_->clone();
        storage::secret_key asked;
        if (ask_ == nullptr || !ask_(asked.bytes())) return error{errc::wrong_key, "there is no encryption key"};
        return asked;
    }

private:
    std::shared_ptr<const storage::secret_key> key_;
    source ask_;
};

}  // namespace vecstore
