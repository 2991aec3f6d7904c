#include "table_checks.hpp"

#include <vecstore/storage/encrypted_table_store.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace vecstore::storage {
namespace {

constexpr std::size_t table_name_bytes_max = 64;

/// What a value is bound to: the length of the table's name, so that no name and key can be taken for others, name, key.
class bound_bytes {
public:
    bound_bytes(const std::string& name, byte_span key) noexcept : size_(1 + name.size() + key.size()) {
        bytes_[0] = static_cast<std::byte>(name.size());
        std::memcpy(bytes_.data() + 1, name.data(), name.size());
        if (!key.empty()) std::memcpy(bytes_.data() + 1 + name.size(), key.data(), key.size());
    }
    [[nodiscard]] byte_span span() const noexcept { return byte_span(bytes_).first(size_); }

private:
    std::size_t size_;
    std::array<std::byte, 1 + table_name_bytes_max + table_key_bytes_max> bytes_;
};

}  // namespace

result<std::shared_ptr<const value_ciphers>> value_ciphers::make(const keyring& keys,
                                                                 const std::vector<std::string>& names) {
    std::shared_ptr<value_ciphers> made(new value_ciphers);
    for (const auto& name : names) {
        if (name.size() > table_name_bytes_max) return invalid_argument("table: the name is too long");
        VECSTORE_TRY(auto key, keys.cipher_for("table", as_bytes(name)));
        made->tables_.push_back({name, std::move(key)});
    }
    return std::shared_ptr<const value_ciphers>(std::move(made));
}

result<void> value_ciphers::seal(table_id table, byte_span key, byte_span value, const cipher_nonce& nonce,
                                 std::span<std::byte> into) const {
    std::copy(nonce.begin(), nonce.end(), into.begin());
    const auto& with = tables_[table];
    return with.key->seal(nonce, bound_bytes(with.name, key).span(), value, into.subspan(cipher_nonce_bytes));
}

result<void> value_ciphers::open(table_id table, byte_span key, byte_span stored, std::span<std::byte> into) const {
    const auto& with = tables_[table];
    if (stored.size() < sealed_value_extra)
        return corruption("a value is too short to be an encrypted one", with.name, 0);
    cipher_nonce nonce;
    std::memcpy(nonce.data(), stored.data(), nonce.size());
    if (key.size() > table_key_bytes_max) return corruption("a key is too long", with.name, 0);
    auto opened = with.key->open(nonce, bound_bytes(with.name, key).span(), stored.subspan(cipher_nonce_bytes), into);
    if (!opened && opened.error().code == errc::corruption)
        return corruption("an encrypted value is damaged, or of another place", with.name, 0);
    return opened;
}

result<byte_vector> value_ciphers::open(std::string_view table, byte_span key, byte_span stored) const {
    for (table_id i = 0; i < tables_.size(); ++i) {
        if (tables_[i].name != table) continue;
        byte_vector plain(stored.size() - std::min(stored.size(), sealed_value_extra));
        VECSTORE_CHECK(open(i, key, stored, plain));
        return plain;
    }
    return error{errc::not_found, "no table \"" + std::string(table) + "\""};
}

namespace {

/// Memory that grows in pieces and goes at once. The first piece is in it: most readers get one or two small values.
class arena {
public:
    std::span<std::byte> take(std::size_t bytes) {
        if (bytes > left_.size()) {
            const auto piece = std::max(
                bytes, std::min(piece_max, first_.size() << std::min<std::size_t>(2 * pieces_.size() + 2, 16)));
            pieces_.push_back(std::make_unique_for_overwrite<std::byte[]>(piece));
            left_ = {pieces_.back().get(), piece};
        }
        const auto taken = left_.first(bytes);
        left_ = left_.subspan(bytes);
        return taken;
    }

private:
    static constexpr std::size_t piece_max = 256u << 10;
    std::array<std::byte, 512> first_;
    std::vector<std::unique_ptr<std::byte[]>> pieces_;
    std::span<std::byte> left_{first_};
};

result<std::optional<byte_span>> open_found(const value_ciphers& ciphers, arena& memory, table_id table, byte_span key,
                                            const std::optional<byte_span>& found) {
    if (!found) return std::optional<byte_span>{};
    const auto plain = memory.take(found->size() - std::min(found->size(), sealed_value_extra));
    VECSTORE_CHECK(ciphers.open(table, key, *found, plain));
    return std::optional<byte_span>(plain);
}

class encrypted_cursor final : public table_cursor {
public:
    encrypted_cursor(std::unique_ptr<table_cursor> inner, const value_ciphers& ciphers, table_id table)
        : inner_(std::move(inner)), ciphers_(ciphers), table_(table) {}

    result<void> seek(byte_span key) override { return open_after(inner_->seek(key)); }
    result<void> next() override { return open_after(inner_->next()); }
    [[nodiscard]] bool valid() const noexcept override { return right_ && inner_->valid(); }
    [[nodiscard]] byte_span key() const noexcept override { return inner_->key(); }
    [[nodiscard]] byte_span value() const noexcept override { return plain_; }

private:
    result<void> open_after(result<void> moved) {
        right_ = false;
        VECSTORE_CHECK(std::move(moved));
        if (inner_->valid()) {
            const auto stored = inner_->value();
            plain_.resize(stored.size() - std::min(stored.size(), sealed_value_extra));
            VECSTORE_CHECK(ciphers_.open(table_, inner_->key(), stored, plain_));
        }
        right_ = true;
        return {};
    }

    std::unique_ptr<table_cursor> inner_;
    const value_ciphers& ciphers_;
    table_id table_;
    byte_vector plain_;
    bool right_ = false;
};

class encrypted_reader final : public table_reader {
public:
    encrypted_reader(std::unique_ptr<table_reader> inner, std::shared_ptr<const value_ciphers> ciphers)
        : inner_(std::move(inner)), ciphers_(std::move(ciphers)) {}

    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_TRY(const auto found, inner_->get(table, key));
        return open_found(*ciphers_, memory_, table, key, found);
    }
    [[nodiscard]] result<std::unique_ptr<table_cursor>> cursor(table_id table) override {
        VECSTORE_TRY(auto inner, inner_->cursor(table));
        return std::unique_ptr<table_cursor>(std::make_unique<encrypted_cursor>(std::move(inner), *ciphers_, table));
    }

private:
    std::unique_ptr<table_reader> inner_;
    std::shared_ptr<const value_ciphers> ciphers_;
    arena memory_;
};

class encrypted_writer final : public table_writer {
public:
    encrypted_writer(std::unique_ptr<table_writer> inner, std::shared_ptr<const value_ciphers> ciphers,
                     const nonce_sequence& nonces)
        : inner_(std::move(inner)), ciphers_(std::move(ciphers)), nonces_(nonces) {}

    result<void> put(table_id table, byte_span key, byte_span value) override {
        if (value.size() > table_value_bytes_max - sealed_value_extra)
            return invalid_argument("value: " + std::to_string(value.size()) + " bytes, more than 1 GiB");
        VECSTORE_CHECK(detail::check_key(table, ciphers_->count(), key));
        sealed_.resize(value.size() + sealed_value_extra);
        VECSTORE_CHECK(ciphers_->seal(table, key, value, nonces_.next(), sealed_));
        return inner_->put(table, key, sealed_);
    }
    result<void> erase(table_id table, byte_span key) override { return inner_->erase(table, key); }
    result<void> erase_range(table_id table, byte_span first, byte_span last) override {
        return inner_->erase_range(table, first, last);
    }
    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_TRY(const auto found, inner_->get(table, key));
        return open_found(*ciphers_, memory_, table, key, found);
    }
    result<void> commit() override { return inner_->commit(); }

private:
    std::unique_ptr<table_writer> inner_;
    std::shared_ptr<const value_ciphers> ciphers_;
    nonce_sequence nonces_;
    byte_vector sealed_;
    arena memory_;
};

class encrypted_store final : public table_store {
public:
    encrypted_store(std::shared_ptr<table_store> inner, std::shared_ptr<const value_ciphers> ciphers)
        : inner_(std::move(inner)), ciphers_(std::move(ciphers)) {}

    [[nodiscard]] result<std::unique_ptr<table_reader>> read() override {
        VECSTORE_TRY(auto inner, inner_->read());
        return std::unique_ptr<table_reader>(std::make_unique<encrypted_reader>(std::move(inner), ciphers_));
    }
    [[nodiscard]] result<std::unique_ptr<table_writer>> write() override {
        VECSTORE_TRY(const auto nonces, nonce_sequence::start());
        VECSTORE_TRY(auto inner, inner_->write());
        return std::unique_ptr<table_writer>(std::make_unique<encrypted_writer>(std::move(inner), ciphers_, nonces));
    }
    [[nodiscard]] result<std::uint64_t> size_bytes() override { return inner_->size_bytes(); }
    [[nodiscard]] std::uint64_t free_bytes() noexcept override { return inner_->free_bytes(); }
    [[nodiscard]] std::uint64_t written_bytes() noexcept override { return inner_->written_bytes(); }
    result<void> compact() override { return inner_->compact(); }
    void tidy() override { inner_->tidy(); }

private:
    std::shared_ptr<table_store> inner_;
    std::shared_ptr<const value_ciphers> ciphers_;
};

}  // namespace

std::unique_ptr<table_store> encrypt_values(std::shared_ptr<table_store> inner,
                                            std::shared_ptr<const value_ciphers> ciphers) {
    return std::make_unique<encrypted_store>(std::move(inner), std::move(ciphers));
}

}  // namespace vecstore::storage
