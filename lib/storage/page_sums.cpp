#include "page_sums.hpp"

#include <vecstore/storage/checksum.hpp>

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>

namespace vecstore::storage::detail {
namespace {

constexpr std::uint64_t sums_magic = 0x4D55'5347'4150'5356;  // "VSPAGSUM"
constexpr std::uint32_t sums_version = 1;
constexpr std::size_t header_bytes = 48;
constexpr std::size_t block_entry_bytes = 16;

// LMDB 0.9 on 64-bit machines, in each meta page: a page header of 16 bytes that starts with the page number, magic
// u32, version u32, address u64, map size u64, two table records of 48 bytes (the first one starts with page size u32
// and flags u16), last page u64, transaction id u64. A commit writes from the map size on. Transaction n is in page n &
// 1.
constexpr std::size_t meta_magic_at = 16;
constexpr std::size_t meta_map_size_at = 32;
constexpr std::size_t meta_page_bytes_at = 40;
constexpr std::size_t meta_flags_at = 44;
constexpr std::size_t meta_transaction_at = 144;
constexpr std::size_t meta_bytes = 152;
constexpr std::uint32_t meta_magic = 0xBEEF'C0DE;
constexpr std::uint64_t meta_pages = 2;

bool plausible_page_bytes(std::uint64_t bytes) noexcept {
    return std::has_single_bit(bytes) && bytes >= sums_block_bytes / 64 && bytes <= sums_block_bytes;
}

std::uint64_t block_count(std::uint64_t page_count, std::uint32_t page_bytes) noexcept {
    const auto each = sums_block_bytes / page_bytes;
    return page_count / each + (page_count % each != 0);
}

/// The sum of block `index` of `tables`; `buffer` holds one block.
result<std::uint64_t> sum_block(const file& tables, std::uint64_t index, std::uint64_t live, std::uint32_t page_bytes,
                                std::span<std::byte> buffer) {
    auto sum = index;
    if (live == 0) return sum;
    VECSTORE_TRY(const auto present, tables.read_at(index * sums_block_bytes, buffer));
    std::size_t page = 0;
    while (page < 64 && live >> page != 0) {
        page += static_cast<std::size_t>(std::countr_zero(live >> page));
        const auto run = static_cast<std::size_t>(std::countr_one(live >> page));
        if ((page + run) * page_bytes > present) {
            VECSTORE_TRY(const auto end, tables.size());
            return corruption("table file is cut short", tables.path(), end);
        }
        sum = checksum64(byte_span(buffer).subspan(page * page_bytes, run * page_bytes), sum);
        page += run;
    }
    return sum;
}

/// Which pages are live, by block; the sums are left zero.
std::vector<page_sums::block> live_blocks(const page_usage& usage) {
    const auto each = sums_block_bytes / usage.page_bytes;
    std::vector<page_sums::block> blocks(static_cast<std::size_t>(block_count(usage.page_count, usage.page_bytes)));
    const auto bit = [each](std::uint64_t page) { return std::uint64_t{1} << page % each; };
    for (auto page = meta_pages; page < usage.page_count; ++page)
        blocks[static_cast<std::size_t>(page / each)].live |= bit(page);
    for (const auto page : usage.free_pages)
        if (page < usage.page_count) blocks[static_cast<std::size_t>(page / each)].live &= ~bit(page);
    return blocks;
}

result<byte_vector> read_meta(const file& tables, std::uint64_t number, std::uint32_t page_bytes) {
    byte_vector page(page_bytes);
    VECSTORE_TRY(const auto present, tables.read_at(number * page_bytes, page));
    if (present == page_bytes) return page;
    VECSTORE_TRY(const auto end, tables.size());
    return corruption("table file is cut short", tables.path(), end);
}

std::uint64_t transaction_of(byte_span meta) noexcept {
    return load_le<std::uint64_t>(meta.data() + meta_transaction_at);
}

/// True when `other` has the parts of `meta` that no commit changes, and its own page number.
bool same_constants(byte_span meta, byte_span other, std::uint64_t number) noexcept {
    const auto same = [&](std::size_t from, std::size_t to) {
        return std::equal(meta.begin() + static_cast<std::ptrdiff_t>(from),
                          meta.begin() + static_cast<std::ptrdiff_t>(to),
                          other.begin() + static_cast<std::ptrdiff_t>(from));
    };
    return load_le<std::uint64_t>(other.data()) == number && same(sizeof number, meta_map_size_at) &&
           same(meta_page_bytes_at, meta_flags_at + sizeof(std::uint16_t));
}

/// The meta page of the sums' transaction must be as it was. The other one belongs to the next commit.
result<void> check_metas(const file& tables, const page_sums& sums) {
    const auto newest = sums.transaction & 1;
    const auto other = newest ^ 1;
    VECSTORE_TRY(const auto meta, read_meta(tables, newest, sums.page_bytes));
    VECSTORE_TRY(auto older, read_meta(tables, other, sums.page_bytes));
    if (checksum64(meta) != sums.meta_sum)
        return corruption("table file: a meta page differs from its sum", tables.path(), newest * sums.page_bytes);
    if (checksum64(older) == sums.other_meta_sum) return {};
    const auto damaged =
        corruption("table file: a meta page differs from its sum", tables.path(), other * sums.page_bytes);
    if (!same_constants(meta, older, other)) return damaged;
    const auto before = sums.transaction == 0 ? 0 : sums.transaction - 1;
    const auto found = transaction_of(older);
    // A commit whose meta page could not be written: LMDB put the old number back, and does not look at the rest.
    if (found == before) return {};
    if (found != sums.transaction + 1) return damaged;
    // One commit ahead; unless nothing but the number has changed, which no commit does.
    store_le(older.data() + meta_transaction_at, before);
    if (checksum64(older) == sums.other_meta_sum) return damaged;
    return {};
}

result<void> check_blocks(const file& tables, const page_sums& sums) {
    byte_vector buffer(sums_block_bytes);
    for (std::size_t i = 0; i < sums.blocks.size(); ++i) {
        VECSTORE_TRY(const auto sum, sum_block(tables, i, sums.blocks[i].live, sums.page_bytes, buffer));
        if (sum != sums.blocks[i].sum)
            return corruption("table file: a block differs from its sum", tables.path(), i * sums_block_bytes);
    }
    return {};
}

/// Without sums only what creation wrote can be right: the first commit may have been the last thing before a crash.
result<void> check_young(const file& tables, const std::string& sums_path) {
    byte_vector first(meta_bytes);
    VECSTORE_TRY(const auto present, tables.read_at(0, first));
    if (present < meta_bytes) return corruption("table file is cut short", tables.path(), present);
    const auto page_bytes = load_le<std::uint32_t>(first.data() + meta_page_bytes_at);
    if (load_le<std::uint32_t>(first.data() + meta_magic_at) != meta_magic || !plausible_page_bytes(page_bytes))
        return corruption("not a table file", tables.path(), 0);
    VECSTORE_TRY(const auto second, read_meta(tables, 1, page_bytes));
    if (std::max(transaction_of(first), transaction_of(second)) > 1)
        return corruption("the sums of the table file are missing", sums_path, 0);
    return {};
}

/// What is on disk as the sums, or nothing.
result<std::optional<byte_vector>> read_sums(file_system& files, const std::string& path) {
    auto bytes = read_file(files, path);
    if (bytes) return std::optional<byte_vector>(*std::move(bytes));
    if (bytes.error().code == errc::not_found) return std::optional<byte_vector>{};
    return std::move(bytes).error();
}

result<std::optional<page_sums>> verify_once(file_system& files, const std::string& directory,
                                             const std::optional<byte_vector>& stored) {
    const auto tables_path = join_path(directory, tables_file_name);
    const auto sums_path = join_path(directory, sums_file_name);
    const auto tables = files.open(tables_path, open_mode::read);
    if (!tables && tables.error().code != errc::not_found) return tables.error();
    std::uint64_t bytes = 0;
    if (tables) {
        VECSTORE_TRY(bytes, (*tables)->size());
    }
    if (bytes == 0) {
        if (stored) return corruption("the table file is missing or empty, but there are sums", tables_path, 0);
        return std::optional<page_sums>{};
    }
    if (!stored) {
        VECSTORE_CHECK(check_young(**tables, sums_path));
        return std::optional<page_sums>{};
    }
    VECSTORE_TRY(auto sums, decode_sums(*stored, sums_path));
    VECSTORE_CHECK(check_metas(**tables, sums));
    VECSTORE_CHECK(check_blocks(**tables, sums));
    return std::optional<page_sums>(std::move(sums));
}

}  // namespace

byte_vector encode_sums(const page_sums& sums) {
    byte_writer out;
    out.reserve(header_bytes + sums.blocks.size() * block_entry_bytes + 8);
    out.put(sums_magic);
    out.put(sums_version);
    out.put(sums.page_bytes);
    out.put(sums.transaction);
    out.put(sums.page_count);
    out.put(sums.meta_sum);
    out.put(sums.other_meta_sum);
    for (const auto& each : sums.blocks) {
        out.put(each.live);
        out.put(each.sum);
    }
    out.put(checksum64(out.bytes()));
    return std::move(out).take();
}

result<page_sums> decode_sums(byte_span bytes, const std::string& path) {
    const auto damaged = corruption("the sums of the table file are damaged", path, 0);
    if (bytes.size() < header_bytes + 8) return damaged;
    const auto covered = bytes.first(bytes.size() - 8);
    if (load_le<std::uint64_t>(bytes.data() + covered.size()) != checksum64(covered)) return damaged;
    byte_reader in(covered);
    if (in.get<std::uint64_t>() != sums_magic) return damaged;
    if (const auto version = in.get<std::uint32_t>(); version != sums_version)
        return error{errc::unsupported, "sums of the table file: version " + std::to_string(version), path, 8};
    page_sums sums;
    sums.page_bytes = in.get<std::uint32_t>();
    sums.transaction = in.get<std::uint64_t>();
    sums.page_count = in.get<std::uint64_t>();
    sums.meta_sum = in.get<std::uint64_t>();
    sums.other_meta_sum = in.get<std::uint64_t>();
    if (!plausible_page_bytes(sums.page_bytes) || in.remaining() % block_entry_bytes != 0 ||
        in.remaining() / block_entry_bytes != block_count(sums.page_count, sums.page_bytes))
        return damaged;
    sums.blocks.resize(in.remaining() / block_entry_bytes);
    const auto pages_each = sums_block_bytes / sums.page_bytes;
    for (auto& each : sums.blocks) {
        each.live = in.get<std::uint64_t>();
        each.sum = in.get<std::uint64_t>();
        if (pages_each < 64 && each.live >> pages_each != 0) return damaged;
    }
    return sums;
}

result<page_sums> sum_pages(const file& tables, const page_usage& usage, const page_sums* before) {
    if (!plausible_page_bytes(usage.page_bytes))
        return error{errc::unsupported, "pages of " + std::to_string(usage.page_bytes) + " bytes", tables.path(), 0};
    page_sums sums;
    sums.transaction = usage.transaction;
    sums.page_count = usage.page_count;
    sums.page_bytes = usage.page_bytes;
    VECSTORE_TRY(const auto meta, read_meta(tables, usage.transaction & 1, usage.page_bytes));
    VECSTORE_TRY(const auto other, read_meta(tables, ~usage.transaction & 1, usage.page_bytes));
    sums.meta_sum = checksum64(meta);
    sums.other_meta_sum = checksum64(other);
    sums.blocks = live_blocks(usage);
    const bool follows =
        before != nullptr && before->transaction + 1 == usage.transaction && before->page_bytes == usage.page_bytes;
    byte_vector buffer(sums_block_bytes);
    for (std::size_t i = 0; i < sums.blocks.size(); ++i) {
        auto& each = sums.blocks[i];
        if (follows && i < before->blocks.size() && before->blocks[i].live == each.live) {
            each.sum = before->blocks[i].sum;
            continue;
        }
        VECSTORE_TRY(each.sum, sum_block(tables, i, each.live, usage.page_bytes, buffer));
    }
    return sums;
}

result<std::optional<page_sums>> verify_pages(file_system& files, const std::string& directory, bool beside_writer) {
    // What was live for some sums is written to only after newer sums have been stored. So beside a writer a difference
    // counts when the sums are still those that were compared; and not at once, for a page may be seen half written.
    constexpr int attempts_min = 3, attempts_max = 30;
    const auto sums_path = join_path(directory, sums_file_name);
    VECSTORE_TRY(auto stored, read_sums(files, sums_path));
    for (int attempt = 1;; ++attempt) {
        auto outcome = verify_once(files, directory, stored);
        if (outcome || !beside_writer || outcome.error().code != errc::corruption) return outcome;
        VECSTORE_TRY(auto now, read_sums(files, sums_path));
        const bool moved_on = now != stored;
        if (!moved_on && attempt >= attempts_min) return outcome;
        if (attempt >= attempts_max)
            return error{errc::unavailable, "the tables change faster than they can be checked", directory, 0};
        stored = std::move(now);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

result<bool> creation_interrupted(file_system& files, const std::string& directory) {
    constexpr std::uint64_t pages_max = meta_pages + 8;  // with those of the first commit, which makes the tables
    if (files.exists(join_path(directory, sums_file_name))) return false;
    const auto tables = files.open(join_path(directory, tables_file_name), open_mode::read);
    if (!tables) return tables.error().code == errc::not_found ? result<bool>(false) : tables.error();
    VECSTORE_TRY(const auto size, (*tables)->size());
    auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));  // what LMDB takes
    if (size == 0 || size > pages_max * page_bytes) return false;
    byte_vector bytes(static_cast<std::size_t>(std::min(size, meta_pages * page_bytes)));
    VECSTORE_TRY(const auto present, (*tables)->read_at(0, bytes));
    // Each is a meta page of transaction 0, or all zero; one of them at least is zero, or the end is missing.
    std::size_t right = 0;
    for (std::uint64_t at = 0; at < present; at += page_bytes) {
        const auto rest = byte_span(bytes).subspan(static_cast<std::size_t>(at));
        const auto page = rest.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), page_bytes)));
        const bool meta =
            page.size() >= meta_bytes && load_le<std::uint32_t>(page.data() + meta_magic_at) == meta_magic;
        if (meta && transaction_of(page) != 0) return false;
        const auto zeros = page.subspan(meta ? meta_bytes : 0);
        if (std::any_of(zeros.begin(), zeros.end(), [](std::byte b) { return b != std::byte{0}; })) return false;
        right += meta && page.size() == page_bytes;
    }
    return right < meta_pages;
}

}  // namespace vecstore::storage::detail
