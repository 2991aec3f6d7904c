#include <vecstore/storage/block_file.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>
#include <support/fault_file_system.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

constexpr auto kind = fourcc("TEST");

result<std::uint64_t> write_sample(file_system& files, std::size_t big_bytes) {
    VECSTORE_TRY(auto out, block_file_writer::create(files, "d/f", kind, 3));
    VECSTORE_CHECK(out.begin_section(fourcc("ABCD")));
    VECSTORE_CHECK(out.append(as_bytes("hello")));
    VECSTORE_CHECK(out.append(as_bytes(", world")));
    VECSTORE_CHECK(out.begin_section(fourcc("none")));
    VECSTORE_CHECK(out.begin_section(fourcc("big "), 4096));
    for (std::size_t i = 0; i < big_bytes; ++i) {
        const auto byte = static_cast<std::byte>(i * 31);
        VECSTORE_CHECK(out.append({&byte, 1}));
    }
    return out.finish();
}

auto reopen(file_system& files) { return block_file::open(files, "d/f", kind, verify_mode::all); }

}  // namespace

TEST_CASE("block file: sections come back, aligned", "[block_file]") {
    for (const std::size_t big : {0, 1, 60'000, 65'536, 300'000, 1'200'000}) {
        memory_file_system files;
        files.create_directories("d").value();
        const auto root = write_sample(files, big).value();
        const auto opened = reopen(files).value();
        CHECK(opened->root() == root);
        CHECK(opened->version() == 3);
        CHECK(as_text(opened->section(fourcc("ABCD")).value()) == "hello, world");
        CHECK(opened->section(fourcc("none")).value().empty());
        const auto bytes = opened->section(fourcc("big ")).value();
        REQUIRE(bytes.size() == big);
        for (std::size_t i = 0; i < big; i += 997) REQUIRE(bytes[i] == static_cast<std::byte>(i * 31));
        CHECK(opened->section(fourcc("nope")).error().code == errc::corruption);
        CHECK(files.list("d").value() == std::vector<std::string>{"f"});
    }
}

TEST_CASE("block file: the bytes are as documented", "[block_file][golden]") {
    memory_file_system files;
    files.create_directories("d").value();
    const auto root = write_sample(files, 5).value();
    const auto bytes = read_file(files, "d/f").value();
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(bytes.data() + at); };
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
    CHECK(as_text(byte_span(bytes).first(12)) == "VSBLOCK1TEST");
    CHECK(u32(12) == 3);
    CHECK(u64(56) == checksum64(byte_span(bytes).first(56)));
    CHECK(as_text(byte_span(bytes).subspan(64, 12)) == "hello, world");
    constexpr std::size_t data_end = 4096 + 64;
    constexpr std::size_t tail = data_end + 8 + 3 * 24;
    REQUIRE(bytes.size() == tail + 64);
    CHECK(u64(data_end) == checksum64(byte_span(bytes).first(data_end), 0));
    CHECK(as_text(byte_span(bytes).subspan(data_end + 8, 4)) == "ABCD");
    CHECK(u64(data_end + 16) == 64);
    CHECK(u64(data_end + 24) == 12);
    CHECK(u64(data_end + 8 + 48 + 8) == 4096);
    CHECK(u64(data_end + 8 + 48 + 16) == 5);
    CHECK(u64(tail) == data_end);
    CHECK(u64(tail + 8) == 1);
    CHECK(u32(tail + 16) == 3);
    CHECK(u32(tail + 20) == kind);
    CHECK(u32(tail + 24) == 3);
    CHECK(u64(tail + 32) == bytes.size());
    CHECK(u64(tail + 48) == root);
    CHECK(root == checksum64(byte_span(bytes).subspan(data_end, tail + 48 - data_end)));
    CHECK(as_text(byte_span(bytes).last(8)) == "VSBLKEND");
    CHECK(root == 0x8D22'0ABB'2E61'C077u);  // pinned: a change of this number is a change of the format
}

TEST_CASE("block file: every flipped byte and every truncation is corruption", "[block_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)write_sample(files, 100).value();
    const auto good = read_file(files, "d/f").value();
    const auto expect_corruption = [&](const byte_vector& bytes) {
        const auto out = files.open("d/f", open_mode::create).value();
        out->truncate(0).value();
        out->write_at(0, bytes).value();
        const auto opened = reopen(files);
        REQUIRE(!opened);
        REQUIRE(opened.error().code == errc::corruption);
        REQUIRE(opened.error().path == "d/f");
    };
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] ^= std::byte{0x10};
        expect_corruption(bad);
        expect_corruption(byte_vector(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i)));
    }
    auto longer = good;
    longer.resize(longer.size() + 64);
    expect_corruption(longer);
}

TEST_CASE("block file: damage in a section names its block, and footer mode leaves it to verify", "[block_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)write_sample(files, 300'000).value();
    files.open("d/f", open_mode::read_write).value()->write_at(140'000, as_bytes("damage")).value();
    CHECK(reopen(files).error().offset == 2 * block_bytes);
    const auto opened = block_file::open(files, "d/f", kind, verify_mode::footer).value();
    CHECK(opened->verify(0, 2).has_value());
    CHECK(opened->verify(2, 1).error().offset == 2 * block_bytes);
    CHECK(opened->verify(3).has_value());
    CHECK(opened->verify(100).has_value());
    CHECK(block_file::open(files, "d/f", fourcc("ELSE"), verify_mode::footer).error().code == errc::corruption);
    CHECK(block_file::open(files, "d/g", kind, verify_mode::footer).error().code == errc::not_found);
}

TEST_CASE("block file: blocks are checked on first touch, and damage stays", "[block_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)write_sample(files, 300'000).value();
    const auto file = files.open("d/f", open_mode::read_write).value();
    file->write_at(140'000, as_bytes("damage")).value();
    const auto opened = block_file::open(files, "d/f", kind, verify_mode::footer).value();
    const auto big = opened->section(fourcc("big ")).value();
    const auto blocks = opened->block_count();
    CHECK(opened->unchecked_count() == blocks);
    CHECK_FALSE(opened->checked(big.first(10)));
    REQUIRE(opened->check(big.first(10)));
    CHECK(opened->checked(big.first(60'000)));
    CHECK(opened->checked({}));
    CHECK(opened->unchecked_count() == blocks - 1);
    // Over the edge of two blocks, one of which is damaged.
    const auto at = 2 * block_bytes - 4096 - 10;
    const auto over_edge = opened->check(big.subspan(at, 20));
    REQUIRE_FALSE(over_edge);
    CHECK(over_edge.error().code == errc::corruption);
    CHECK(over_edge.error().path == "d/f");
    CHECK(over_edge.error().offset == 2 * block_bytes);
    CHECK(opened->damaged_count() == 1);
    CHECK(opened->checked(big.subspan(at, 10)));
    CHECK_FALSE(opened->checked(big.subspan(at, 20)));
    CHECK(opened->check_blocks(3, 100));
    CHECK(opened->unchecked_count() == 0);
    CHECK_FALSE(opened->all_checked());
    CHECK(opened->check_blocks(0, blocks, file.get()).error().offset == 2 * block_bytes);
    CHECK(opened->damaged_count() == 1);
}

TEST_CASE("block file: once all is checked nothing is looked at, until a scrub finds damage on the medium",
          "[block_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)write_sample(files, 300'000).value();
    const auto opened = block_file::open(files, "d/f", kind, verify_mode::all).value();
    const auto file = files.open("d/f", open_mode::read_write).value();
    const auto big = opened->section(fourcc("big ")).value();
    CHECK(opened->all_checked());
    CHECK(opened->unchecked_count() == 0);
    CHECK(opened->verify_medium(0, 100, *file));
    CHECK(opened->verify_medium(100, 1, *file));
    file->write_at(140'000, as_bytes("damage")).value();
    CHECK(opened->checked(big));
    CHECK(opened->verify_medium(0, 2, *file));
    CHECK(opened->verify_medium(0, 100, *file).error().offset == 2 * block_bytes);
    CHECK_FALSE(opened->all_checked());
    CHECK(opened->check(big).error().code == errc::corruption);
    CHECK(opened->check(big.first(10)));
    file->truncate(200'000).value();
    CHECK(opened->verify_medium(4, 1, *file).error().offset == 4 * block_bytes);
    CHECK(opened->damaged_count() == 2);
}

TEST_CASE("block file: many threads that touch the same blocks agree", "[block_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)write_sample(files, 600'000).value();
    for (const bool damaged : {false, true}) {
        if (damaged) files.open("d/f", open_mode::read_write).value()->write_at(140'000, as_bytes("damage")).value();
        const auto opened = block_file::open(files, "d/f", kind, verify_mode::footer).value();
        std::vector<std::thread> threads;
        std::atomic<int> errors{0};
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (std::uint64_t block = 0; block < opened->block_count(); ++block)
                    errors += !opened->check_blocks(block, 1).has_value();
            });
        for (auto& thread : threads) thread.join();
        CHECK(errors == (damaged ? 4 : 0));
        CHECK(opened->all_checked() == !damaged);
        CHECK(opened->damaged_count() == (damaged ? 1 : 0));
        CHECK(opened->unchecked_count() == 0);
    }
}

TEST_CASE("block file: an abandoned or failed writer leaves no file", "[block_file]") {
    memory_file_system memory;
    test::fault_file_system files(memory);
    memory.create_directories("d").value();
    {
        auto out = block_file_writer::create(files, "d/f", kind, 1).value();
        out.begin_section(fourcc("ABCD")).value();
        CHECK(out.begin_section(fourcc("ABCD")).error().code == errc::already_exists);
        CHECK(out.begin_section(fourcc("EFGH"), 48).error().code == errc::invalid_argument);
    }
    CHECK(memory.list("d").value().empty());
    files.plan({});
    (void)write_sample(files, 1'200'000).value();
    const auto operations = files.operations();
    memory.remove("d/f").value();
    for (std::uint64_t n = 1; n <= operations; ++n) {
        INFO("operation " << n << " of " << operations);
        files.plan({.fail_at = n});
        REQUIRE(write_sample(files, 1'200'000).error().code == errc::io);
        // Only a failed sync of the directory comes after the file has its name.
        if (n < operations) REQUIRE(memory.list("d").value().empty());
        if (memory.exists("d/f")) REQUIRE(reopen(memory).has_value());
    }
}

TEST_CASE("block file: a finished file survives a crash whole, an unfinished one has no name", "[block_file]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        memory_file_system files;
        files.create_directories("d").value();
        (void)write_sample(files, 100'000).value();
        files.crash(seed);
        REQUIRE(reopen(files).has_value());
    }
}
