#include "forwarding_file_system.hpp"

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/sealed_file_system.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace vecstore::storage {
namespace {

constexpr std::uint64_t magic = 0x4445'4C41'4553'5356;  // "VSSEALED"
constexpr std::uint32_t version = 1;
constexpr std::size_t slot_bytes = sealed_block_bytes + cipher_tag_bytes;
constexpr std::size_t group_blocks = 16;  // decrypted at a time, at most
constexpr std::size_t group_bytes = group_blocks * sealed_block_bytes;
using file_id = std::array<std::byte, 16>;

cipher_nonce nonce_of(std::uint64_t block) noexcept {
    cipher_nonce nonce{};
    store_le(nonce.data(), block);
    return nonce;
}

std::array<std::byte, 9> bound_to(std::uint64_t block, bool last) noexcept {
    std::array<std::byte, 9> bound;
    store_le(bound.data(), block);
    bound[8] = std::byte{last};
    return bound;
}

byte_vector encode_header(const file_id& id) {
    byte_writer out;
    out.put(magic);
    out.put(version);
    out.put(static_cast<std::uint32_t>(sealed_block_bytes));
    out.put_bytes(id);
    while (out.size() < sealed_header_bytes - 8) out.put(std::uint64_t{0});
    out.put(checksum64(out.bytes()));
    return std::move(out).take();
}

result<file_id> decode_header(byte_span header, const std::string& path) {
    if (header.size() < sealed_header_bytes) return corruption("encrypted file is cut short", path, header.size());
    byte_reader in(header);
    if (in.get<std::uint64_t>() != magic) return corruption("not an encrypted file", path, 0);
    const auto stored_version = in.get<std::uint32_t>(), block = in.get<std::uint32_t>();
    if (load_le<std::uint64_t>(header.data() + 56) != checksum64(header.first(56)))
        return corruption("encrypted file: checksum of the header differs", path, 0);
    if (stored_version != version || block != sealed_block_bytes)
        return error{errc::unsupported, "an encrypted file of a newer version", path, 8};
    file_id id;
    std::memcpy(id.data(), header.data() + 16, id.size());
    return id;
}

/// What reading needs of a sealed file; immutable.
class sealed_reader {
public:
    static result<sealed_reader> open(file_system& files, const std::string& path, const keyring& keys) {
        sealed_reader opened;
        VECSTORE_TRY(opened.file_, files.open(path, open_mode::read));
        std::array<std::byte, sealed_header_bytes> header;
        VECSTORE_TRY(const auto present, opened.file_->read_at(0, header));
        VECSTORE_TRY(const auto id, decode_header(byte_span(header).first(present), path));
        VECSTORE_TRY(const auto all, opened.file_->size());
        const auto body = all - std::min<std::uint64_t>(all, sealed_header_bytes);
        opened.blocks_ = (body + slot_bytes - 1) / slot_bytes;
        const auto last = body == 0 ? 0 : body - (opened.blocks_ - 1) * slot_bytes;
        if (last <= cipher_tag_bytes) return corruption("encrypted file is cut short", path, all);
        opened.size_ = body - opened.blocks_ * cipher_tag_bytes;
        VECSTORE_TRY(opened.cipher_, keys.cipher_for("file", id));
        return opened;
    }

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] const file& sealed() const noexcept { return *file_; }

    /// Decrypts blocks from `first` on, at most group_blocks, into `into`, which has as many bytes as they.
    [[nodiscard]] result<void> read_blocks(std::uint64_t first, std::span<std::byte> into) const {
        const auto count = (into.size() + sealed_block_bytes - 1) / sealed_block_bytes;
        thread_local byte_vector sealed;
        sealed.resize(into.size() + count * cipher_tag_bytes);
        const auto at = sealed_header_bytes + first * slot_bytes;
        VECSTORE_TRY(const auto present, file_->read_at(at, sealed));
        if (present != sealed.size()) return damaged(first);
        for (std::size_t i = 0; i < count; ++i) {
            const auto block = first + i;
            const auto plain = into.subspan(i * sealed_block_bytes,
                                            std::min(sealed_block_bytes, into.size() - i * sealed_block_bytes));
            const auto text = byte_span(sealed).subspan(i * slot_bytes, plain.size() + cipher_tag_bytes);
            auto opened = cipher_->open(nonce_of(block), bound_to(block, block + 1 == blocks_), text, plain);
            if (!opened) return opened.error().code == errc::corruption ? damaged(block) : std::move(opened).error();
        }
        return {};
    }

    /// Any range; fewer bytes only at the end.
    [[nodiscard]] result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const {
        if (offset >= size_) return std::size_t{0};
        into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset)));
        thread_local byte_vector group;
        for (std::size_t done = 0; done < into.size();) {
            const auto at = offset + done, block = at / sealed_block_bytes;
            const auto skipped = static_cast<std::size_t>(at % sealed_block_bytes);
            const auto wanted = std::min(into.size() - done, group_bytes - skipped);
            const auto blocks = (skipped + wanted + sealed_block_bytes - 1) / sealed_block_bytes;
            group.resize(static_cast<std::size_t>(
                std::min<std::uint64_t>(blocks * sealed_block_bytes, size_ - block * sealed_block_bytes)));
            VECSTORE_CHECK(read_blocks(block, group));
            std::memcpy(into.data() + done, group.data() + skipped, wanted);
            done += wanted;
        }
        return into.size();
    }

private:
    [[nodiscard]] error damaged(std::uint64_t block) const {
        return corruption("encrypted block is damaged, or of another file or place", file_->path(),
                          sealed_header_bytes + block * slot_bytes);
    }

    std::unique_ptr<file> file_;
    std::unique_ptr<cipher> cipher_;
    std::uint64_t size_ = 0;
    std::uint64_t blocks_ = 0;
};

error not_for_sealed(const char* what, const std::string& path) {
    return {errc::unsupported, std::string(what) + " an encrypted file", path, 0};
}

class sealed_file_for_reading final : public file {
public:
    explicit sealed_file_for_reading(sealed_reader reader) : reader_(std::move(reader)) {}

    result<void> write_at(std::uint64_t, byte_span) override { return not_for_sealed("writing into", path()); }
    result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        return reader_.read_at(offset, into);
    }
    result<void> sync() override { return {}; }
    [[nodiscard]] result<std::uint64_t> size() const override { return reader_.size(); }
    result<void> truncate(std::uint64_t) override { return not_for_sealed("cutting", path()); }
    result<void> allocate(std::uint64_t) override { return not_for_sealed("growing", path()); }
    void drop_cached(std::uint64_t offset, std::uint64_t bytes) const noexcept override {
        const auto first = offset / sealed_block_bytes, last = (offset + bytes) / sealed_block_bytes + 1;
        reader_.sealed().drop_cached(sealed_header_bytes + first * slot_bytes, (last - first) * slot_bytes);
    }
    [[nodiscard]] const std::string& path() const noexcept override { return reader_.sealed().path(); }

private:
    sealed_reader reader_;
};

/// The last block is kept back until `sync`, because only then it is known to be the last.
class sealed_file_for_writing final : public file {
public:
    sealed_file_for_writing(std::unique_ptr<file> sealed, std::shared_ptr<const keyring> keys)
        : file_(std::move(sealed)), keys_(std::move(keys)) {}

    result<void> truncate(std::uint64_t bytes) override {
        if (bytes != 0) return not_for_sealed("cutting", path());
        VECSTORE_CHECK(file_->truncate(0));
        file_id id;
        VECSTORE_CHECK(fill_random(id));
        VECSTORE_TRY(cipher_, keys_->cipher_for("file", id));
        VECSTORE_CHECK(file_->write_at(0, encode_header(id)));
        pending_.clear();
        blocks_ = 0;
        return {};
    }
    result<void> write_at(std::uint64_t offset, byte_span bytes) override {
        if (!cipher_ || offset != blocks_ * sealed_block_bytes + pending_.size())
            return not_for_sealed("writing out of order into", path());
        pending_.insert(pending_.end(), bytes.begin(), bytes.end());
        if (pending_.size() <= sealed_block_bytes) return {};
        return write_blocks((pending_.size() - 1) / sealed_block_bytes, false);
    }
    result<void> sync() override {
        if (cipher_) VECSTORE_CHECK(write_blocks(1, true));
        cipher_.reset();
        return file_->sync();
    }
    result<std::size_t> read_at(std::uint64_t, std::span<std::byte>) const override {
        return not_for_sealed("reading while writing", path());
    }
    [[nodiscard]] result<std::uint64_t> size() const override { return blocks_ * sealed_block_bytes + pending_.size(); }
    result<void> allocate(std::uint64_t) override { return not_for_sealed("growing", path()); }
    [[nodiscard]] const std::string& path() const noexcept override { return file_->path(); }

private:
    result<void> write_blocks(std::size_t count, bool last) {
        const auto bytes = std::min(count * sealed_block_bytes, pending_.size());
        sealed_.resize(bytes + count * cipher_tag_bytes);
        for (std::size_t i = 0; i < count; ++i) {
            const auto plain = byte_span(pending_).subspan(
                i * sealed_block_bytes, std::min(sealed_block_bytes, bytes - i * sealed_block_bytes));
            const std::span<std::byte> into(sealed_.data() + i * slot_bytes, plain.size() + cipher_tag_bytes);
            VECSTORE_CHECK(cipher_->seal(nonce_of(blocks_ + i), bound_to(blocks_ + i, last), plain, into));
        }
        // A second try would use the nonces for other bytes: after an error nothing more can be written.
        if (auto written = file_->write_at(sealed_header_bytes + blocks_ * slot_bytes, sealed_); !written) {
            cipher_.reset();
            return written;
        }
        blocks_ += count;
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(bytes));
        return {};
    }

    std::unique_ptr<file> file_;
    std::shared_ptr<const keyring> keys_;
    std::unique_ptr<cipher> cipher_;  ///< null before truncate(0), at the end and after an error
    byte_vector pending_;             ///< from the beginning of block `blocks_` on
    std::uint64_t blocks_ = 0;
    byte_vector sealed_;
};

/// Two readers of one group: one decrypts, the other waits for it; readers of other groups go on. A block that is there is
/// not written again, as others may be reading it.
class sealed_mapping final : public mapping {
public:
    explicit sealed_mapping(sealed_reader reader)
        : reader_(std::move(reader)),
          plain_(static_cast<std::size_t>(reader_.size())),
          present_((plain_.size() + group_bytes - 1) / group_bytes) {}

    [[nodiscard]] byte_span bytes() const noexcept override { return {plain_.data(), plain_.size()}; }
    [[nodiscard]] bool on_demand() const noexcept override { return true; }

    [[nodiscard]] result<void> fetch(std::uint64_t offset, std::uint64_t bytes) const override {
        if (bytes == 0 || offset >= plain_.size()) return {};
        const auto first = offset / sealed_block_bytes;
        const auto last = (offset + std::min<std::uint64_t>(bytes, plain_.size() - offset) - 1) / sealed_block_bytes;
        for (auto group = first / group_blocks; group <= last / group_blocks; ++group) {
            const auto from = std::max(first, group * group_blocks) % group_blocks;
            const auto to = std::min(last, group * group_blocks + group_blocks - 1) % group_blocks;
            const auto wanted = static_cast<block_bits>((2u << to) - (1u << from));
            if ((present_[group].load(std::memory_order_acquire) & wanted) != wanted)
                VECSTORE_CHECK(fetch_blocks(static_cast<std::size_t>(group), wanted));
        }
        return {};
    }

    void release(std::uint64_t offset, std::uint64_t bytes) const noexcept override {
        const auto end = std::min<std::uint64_t>(offset + bytes, plain_.size());
        for (auto group = (offset + group_bytes - 1) / group_bytes; (group + 1) * group_bytes <= end; ++group) {
            const lock_guard lock(turns_[group % turns_.size()]);
            present_[group].store(0, std::memory_order_relaxed);
#if defined(__linux__)
            constexpr std::uintptr_t page = 4096;
            const auto begin = reinterpret_cast<std::uintptr_t>(plain_.data() + group * group_bytes);
            const auto first = (begin + page - 1) / page * page, behind = (begin + group_bytes) / page * page;
            (void)::madvise(reinterpret_cast<void*>(first), behind - first, MADV_DONTNEED);
#endif
        }
    }

private:
    using block_bits = std::uint16_t;
    static_assert(8 * sizeof(block_bits) == group_blocks);

    result<void> fetch_blocks(std::size_t group, block_bits wanted) const {
        const lock_guard lock(turns_[group % turns_.size()]);
        auto present = present_[group].load(std::memory_order_relaxed);
        for (std::size_t block = 0; block < group_blocks; ++block) {
            const auto missing = [&](std::size_t i) { return i < group_blocks && ((wanted & ~present) >> i & 1) != 0; };
            if (!missing(block)) continue;
            auto end = block;
            while (missing(end)) ++end;
            const auto at = group * group_bytes + block * sealed_block_bytes;
            const auto bytes = std::min((end - block) * sealed_block_bytes, plain_.size() - at);
            VECSTORE_CHECK(reader_.read_blocks(group * group_blocks + block, {plain_.data() + at, bytes}));
            present = static_cast<block_bits>(present | ((1u << end) - (1u << block)));
            present_[group].store(present, std::memory_order_release);
        }
        return {};
    }

    sealed_reader reader_;
    mutable aligned_buffer<std::byte> plain_;
    mutable std::vector<std::atomic<block_bits>> present_;  ///< by group
    mutable std::array<mutex, 16> turns_;
};

class sealed_files final : public forwarding_file_system {
public:
    sealed_files(std::shared_ptr<file_system> inner, std::shared_ptr<const keyring> keys)
        : forwarding_file_system(std::move(inner)), keys_(std::move(keys)) {}

    result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override {
        if (mode == open_mode::read) {
            VECSTORE_TRY(auto reader, sealed_reader::open(inner(), path, *keys_));
            return std::unique_ptr<file>(std::make_unique<sealed_file_for_reading>(std::move(reader)));
        }
        if (mode != open_mode::create) return not_for_sealed("opening so", path);
        VECSTORE_TRY(auto opened, inner().open(path, mode));
        return std::unique_ptr<file>(std::make_unique<sealed_file_for_writing>(std::move(opened), keys_));
    }
    result<std::shared_ptr<const mapping>> map(const std::string& path) override {
        VECSTORE_TRY(auto reader, sealed_reader::open(inner(), path, *keys_));
        try {
            return std::shared_ptr<const mapping>(std::make_shared<sealed_mapping>(std::move(reader)));
        } catch (const std::bad_alloc&) {
            return error{errc::resource_exhausted, "no memory for the file", path, 0};
        }
    }

private:
    std::shared_ptr<const keyring> keys_;
};

}  // namespace

std::shared_ptr<file_system> seal_files(std::shared_ptr<file_system> inner, std::shared_ptr<const keyring> keys) {
    return std::make_shared<sealed_files>(std::move(inner), std::move(keys));
}

}  // namespace vecstore::storage
