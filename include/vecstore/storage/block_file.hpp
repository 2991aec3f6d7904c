/// An immutable file of named sections, checksummed in blocks, mapped for reading. Parts and graphs are block files.
///
/// Layout (little-endian; values are on disk, do not renumber):
///   offset       bytes  field
///   0            8      magic "VSBLOCK1"
///   8            4      kind (fourcc of the owner)
///   12           4      version of the owner's format
///   16           40     zero
///   56           8      XXH3-64 of bytes 0..55
///   64           ...    sections, each at a multiple of its alignment; gaps are zero
///   D            8 * B  XXH3-64 of each 64 KiB block of bytes 0..D-1 (the last one shorter), seed = block number;
///                       D is the end of the last section rounded up to 64
///   S            24 * N section table: fourcc u32, zero u32, offset u64, bytes u64; S = D + 8 * B
///   T            64     tail, T = S + 24 * N:
///   T + 0        8        D
///   T + 8        8        B
///   T + 16       4        N
///   T + 20       4        kind
///   T + 24       4        version
///   T + 28       4        zero
///   T + 32       8        file bytes (T + 64)
///   T + 40       8        zero
///   T + 48       8        root: XXH3-64 of bytes D..T+47
///   T + 56       8        magic "VSBLKEND"
/// The root depends on every checksum, so it names the contents: equal roots mean equal files.
/// Thread safety: a writer belongs to one thread; an open block_file is read from any thread. Its bytes do not change;
/// what is known of its blocks is atomic, and nobody waits: two readers may check the same block, with one outcome.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::storage {

inline constexpr std::size_t block_bytes = 64u << 10;
inline constexpr std::size_t block_file_sections_max = 1024;

/// Four characters as a u32, first character in the lowest byte: fourcc("PART").
[[nodiscard]] constexpr std::uint32_t fourcc(const char (&text)[5]) noexcept {
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(text[i]);
    return value;
}

/// Writes a block file under `<path>.tmp` and gives it its name when it is complete and durable.
/// An abandoned writer removes its temporary file.
class block_file_writer {
public:
    /// Starts a file. `files` must outlive the writer. A temporary file left by a crash is overwritten.
    /// Errors: not_found (no such directory), resource_exhausted, io.
    [[nodiscard]] static result<block_file_writer> create(file_system& files, std::string path, std::uint32_t kind,
                                                          std::uint32_t version);

    block_file_writer(block_file_writer&&) noexcept;
    block_file_writer& operator=(block_file_writer&&) = delete;
    ~block_file_writer();

    /// Ends the section before and starts one at a multiple of `alignment` (a power of two from 64 to 64 KiB; take 4096
    /// for arrays that are read in pages).
    /// Errors: already_exists (name used), invalid_argument (alignment, too many sections), resource_exhausted, io.
    result<void> begin_section(std::uint32_t name, std::size_t alignment = 64);

    /// Adds bytes to the current section. Precondition: a section was begun.
    /// After an error the writer is dead: every later call gives `unavailable`.
    /// Errors: resource_exhausted, io, unavailable.
    result<void> append(byte_span bytes);

    /// Completes the file: checksums, footer, sync, rename, sync of the directory; gives the root checksum.
    /// Durability: the file is there, whole, after a crash. After an error the writer is dead and its file removed.
    /// Errors: resource_exhausted, io.
    result<std::uint64_t> finish();

    /// Bytes written so far, padding included.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return offset_ + buffer_.size(); }

private:
    struct section {
        std::uint32_t name;
        std::uint64_t offset;
        std::uint64_t bytes;
    };

    block_file_writer(file_system& files, std::string path, std::uint32_t kind, std::uint32_t version);
    [[nodiscard]] std::string temporary_path() const { return path_ + ".tmp"; }
    result<void> put(byte_span bytes);
    result<void> flush_blocks(bool final_block);
    result<std::uint64_t> complete();
    void abandon() noexcept;
    void end_section() noexcept;
    [[nodiscard]] byte_vector footer();

    file_system* files_;
    std::string path_;
    std::uint32_t kind_;
    std::uint32_t version_;
    std::unique_ptr<file> file_;  ///< null after finish, failure or move
    byte_vector buffer_;          ///< not yet written, starts at offset_, a multiple of block_bytes
    std::uint64_t offset_ = 0;
    std::vector<std::uint64_t> checksums_;
    std::vector<section> sections_;
    bool in_section_ = false;
};

enum class verify_mode : std::uint8_t {
    footer,  ///< header, footer and root: O(blocks * 8 bytes); damage in a section is found by `check` and `verify`
    all,     ///< also every block: reads the whole file
};

/// An open block file: a mapping whose structure has been checked. Its blocks are checked on first touch: who reads a
/// section of a file that was opened with `verify_mode::footer` asks `check` for the bytes first.
/// A block that was found right is not looked at again before the next `verify`; one that was found damaged stays so.
class block_file {
public:
    /// Maps and checks a file. Any truncation or flipped byte outside the sections is found here; inside them with
    /// `verify_mode::all`. Nothing in a damaged file can make this read out of bounds.
    /// Errors: not_found, corruption (path, offset; also another kind than `kind`), resource_exhausted, io.
    [[nodiscard]] static result<std::shared_ptr<const block_file>> open(file_system& files, const std::string& path,
                                                                        std::uint32_t kind, verify_mode verify);

    /// The bytes of a section. Lifetime: that of this block_file.
    /// Errors: corruption (no such section: the file is not what its kind says).
    [[nodiscard]] result<byte_span> section(std::uint32_t name) const;
    [[nodiscard]] bool has_section(std::uint32_t name) const noexcept;
    /// Where the section begins in the file, for those who read it without the mapping.  Errors: as `section`.
    [[nodiscard]] result<std::uint64_t> section_offset(std::uint32_t name) const;
    /// As `mapping::release`, of the blocks that lie inside `bytes` whole. Of a mapping `on_demand` they are then not known
    /// any more, so that nobody may be reading them: for those who have just opened the file.
    void release(byte_span bytes) const noexcept;
    /// As `mapping::on_demand`: then bytes may be read through `section` only when `check` has been asked for them.
    [[nodiscard]] bool on_demand() const noexcept { return mapping_->on_demand(); }

    /// True when every block has been found right: then `check` need not be called.
    [[nodiscard]] bool all_checked() const noexcept { return all_right_.load(std::memory_order_acquire); }
    /// True when the blocks of `bytes`, which lie in a section, have been found right.
    [[nodiscard]] bool checked(byte_span bytes) const noexcept {
        if (all_checked() || bytes.empty()) return true;
        const auto first = static_cast<std::size_t>(bytes.data() - mapping_->bytes().data());
        for (auto block = first / block_bytes; block <= (first + bytes.size() - 1) / block_bytes; ++block)
            if (states_[block].load(std::memory_order_acquire) != block_state::right) return false;
        return true;
    }
    /// Checks the blocks of `bytes` that nobody has checked yet; afterwards they can be read. `reader`: the same file, when
    /// what is checked shall be read from there and not through the mapping, which would keep it in memory (a mapping
    /// `on_demand` does so all the same).
    /// Errors: corruption (offset = start of the damaged block), io (of `reader`).
    /// Cost:   nothing to speak of when they are known to be right, else XXH3 over 64 KiB for each.
    [[nodiscard]] result<void> check(byte_span bytes, const file* reader = nullptr) const;
    /// `check` of blocks `first` to `first + count - 1` (clamped).
    [[nodiscard]] result<void> check_blocks(std::uint64_t first, std::uint64_t count,
                                            const file* reader = nullptr) const;

    /// Checks blocks `first` to `first + count - 1` (clamped) against their checksums, known or not; `reader` as above.
    /// Errors: corruption (offset = start of the damaged block), io (of `reader`).
    [[nodiscard]] result<void> verify(std::uint64_t first = 0, std::uint64_t count = ~std::uint64_t{0},
                                      const file* reader = nullptr) const;
    /// `verify` of what is on the medium, as far as the system lets see it: what it keeps in memory of the blocks is
    /// given up first. `reader` as above.  Errors: as `verify`.
    [[nodiscard]] result<void> verify_medium(std::uint64_t first, std::uint64_t count, const file& reader) const;
    /// How many blocks were found damaged, and how many nobody has looked at.
    [[nodiscard]] std::uint64_t damaged_count() const noexcept {
        return damaged_count_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t unchecked_count() const noexcept {
        const auto looked_at = right_count_.load(std::memory_order_relaxed) + damaged_count();
        return looked_at < block_count_ ? block_count_ - looked_at : 0;
    }

    [[nodiscard]] std::uint64_t block_count() const noexcept { return block_count_; }
    [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
    [[nodiscard]] std::uint64_t root() const noexcept { return root_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return mapping_->bytes().size(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    struct entry {
        std::uint32_t name;
        std::uint64_t offset;
        std::uint64_t bytes;
    };
    enum class block_state : std::uint8_t { unknown, right, damaged };

    block_file(std::string path, std::shared_ptr<const mapping> bytes)
        : path_(std::move(path)), mapping_(std::move(bytes)) {}
    [[nodiscard]] result<void> check_header(std::uint32_t kind) const;
    [[nodiscard]] result<void> check_footer(std::uint32_t kind);
    [[nodiscard]] const entry* find(std::uint32_t name) const noexcept;
    [[nodiscard]] result<void> verify_block(std::uint64_t block, const file* reader) const;
    [[nodiscard]] result<byte_span> bytes_of_block(std::uint64_t block, const file* reader) const;
    void note(std::uint64_t block, bool right) const noexcept;

    std::string path_;
    std::shared_ptr<const mapping> mapping_;
    std::vector<entry> sections_;
    std::uint64_t data_end_ = 0;
    std::uint64_t block_count_ = 0;
    std::uint64_t root_ = 0;
    std::uint32_t version_ = 0;
    std::unique_ptr<std::atomic<block_state>[]> states_;  ///< by block; right may become damaged, nothing else changes
    mutable std::atomic<std::uint64_t> right_count_{0}, damaged_count_{0};
    mutable std::atomic<bool> all_right_{false};
};

}  // namespace vecstore::storage
