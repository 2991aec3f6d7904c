/// Checksums of LMDB's file, which has none of its own: a flipped bit in a page number can make LMDB read outside of
/// its map. `state/sums` is written after each commit and checked before LMDB sees the file.
///
/// What is summed: the pages that the transaction uses ("live"). LMDB copies on write, so until the next transaction
/// has been committed nothing writes to them; it writes to free pages, beyond the end, and to the older of the two meta
/// pages. A process killed at any point of a commit therefore leaves a file in which the live pages of the stored sums
/// are whole. Free pages are never read, so that damage there is harmless.
///
/// Layout of `sums` (little-endian; values are on disk, do not renumber):
///   offset       bytes  field
///   0            8      magic "VSPAGSUM"
///   8            4      version, 1
///   12           4      page bytes of LMDB
///   16           8      LMDB's transaction id
///   24           8      pages covered: those that the transaction knows, free ones included
///   32           8      XXH3-64 of the meta page of this transaction, page (id & 1)
///   40           8      XXH3-64 of the other meta page, as it was then
///   48 + 16 i    8      pages of block i that are live, one bit each, the lowest for the first page; meta pages never
///   are 56 + 16 i    8      sum of block i: seed i, then for each run of live pages its XXH3-64 seeded with the sum so
///   far end - 8      8      XXH3-64 of all before
///
/// Protocol: transaction n + 1 begins only when the sums of n are durable. So the file is at the transaction of its
/// sums, or one ahead.
/// Limit: after a crash between a commit and the writing of its sums, the pages that this one commit wrote (and its
/// meta page) are taken as they are when the file is opened next; all other pages are checked as ever.
/// Thread safety: pure functions; the caller keeps writers of the file away from `sum_pages`.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::storage::detail {

inline constexpr std::size_t sums_block_bytes = 64 * 1024;
inline constexpr const char* sums_file_name = "sums";
inline constexpr const char* tables_file_name = "data.mdb";

struct page_sums {
    struct block {
        std::uint64_t live = 0;
        std::uint64_t sum = 0;
        bool operator==(const block&) const = default;
    };
    std::uint64_t transaction = 0;
    std::uint64_t page_count = 0;
    std::uint32_t page_bytes = 0;
    std::uint64_t meta_sum = 0;
    std::uint64_t other_meta_sum = 0;
    std::vector<block> blocks;

    bool operator==(const page_sums&) const = default;
};

/// What LMDB tells of its newest transaction.
struct page_usage {
    std::uint64_t transaction = 0;
    std::uint64_t page_count = 0;
    std::uint32_t page_bytes = 0;
    std::vector<std::uint64_t> free_pages;
};

[[nodiscard]] byte_vector encode_sums(const page_sums& sums);

/// Errors: corruption (naming `path`), unsupported (a newer version).
[[nodiscard]] result<page_sums> decode_sums(byte_span bytes, const std::string& path);

/// Sums the live pages of `tables`, LMDB's file.
/// Errors: corruption (a live page lies beyond the end), unsupported (a page size that LMDB does not have), io.
/// Cost: one pass over the live pages. With `before`, the sums of the transaction before, only over the blocks in which
/// other pages are live than then: pages live in both transactions have not been written between them.
[[nodiscard]] result<page_sums> sum_pages(const file& tables, const page_usage& usage, const page_sums* before);

/// Checks LMDB's file in `directory` against its sums, before LMDB opens it. Gives the sums found; nothing when there
/// is no file yet, or only what creation wrote. `beside_writer`: another process may be committing, so that what looks
/// wrong is looked at again when it may have changed meanwhile.
/// Errors: corruption (path and offset of the first block that differs, of a meta page, or of what is missing),
/// unsupported, unavailable (the writer commits faster than the file can be checked), resource_exhausted, io.
/// Cost: one pass over the live pages.
[[nodiscard]] result<std::optional<page_sums>> verify_pages(file_system& files, const std::string& directory,
                                                            bool beside_writer);

/// True when LMDB's file in `directory` is what a power cut can leave of its creation, and not yet a file that LMDB opens: there
/// are no sums, and sectors of its first write, two meta pages, are missing. Behind them may lie a few pages of a first commit that
/// never ended. Nothing was ever in such a file.
/// Errors: io.
[[nodiscard]] result<bool> creation_interrupted(file_system& files, const std::string& directory);

}  // namespace vecstore::storage::detail
