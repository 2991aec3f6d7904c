#include <vecstore/storage/block_file.hpp>
#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/storage/sealed_file_system.hpp>

#include <catch2/catch.hpp>
#include <support/encryption.hpp>
#include <support/fault_file_system.hpp>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::storage;
using vecstore::test::key_of;

namespace {

constexpr std::uint32_t kind = fourcc("TEST");

struct fixture {
    std::shared_ptr<memory_file_system> raw = std::make_shared<memory_file_system>();
    std::shared_ptr<const keyring> keys = keyring::create(key_of(1)).value();
    std::shared_ptr<file_system> sealed = seal_files(raw, keys);

    fixture() { raw->create_directories("d").value(); }

    void write(const std::string& path, byte_span bytes, std::size_t step = 1000) const {
        const auto out = sealed->open(path, open_mode::create).value();
        out->truncate(0).value();
        for (std::size_t at = 0; at < bytes.size(); at += step)
            out->write_at(at, bytes.subspan(at, std::min(step, bytes.size() - at))).value();
        out->sync().value();
    }
    [[nodiscard]] result<byte_vector> read(const std::string& path) const { return read_file(*sealed, path); }
    void change(const std::string& path, std::uint64_t at, byte_span bytes) const {
        raw->open(path, open_mode::read_write).value()->write_at(at, bytes).value();
    }
};

byte_vector numbered(std::size_t size) {
    byte_vector bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
    return bytes;
}

bool contains(byte_span text, byte_span part) {
    return std::search(text.begin(), text.end(), part.begin(), part.end()) != text.end();
}

}  // namespace

TEST_CASE("sealed files: what was written is read, and is not in the file", "[sealed_file_system]") {
    if (!encryption_available()) return;
    const fixture f;
    for (const std::size_t size : {1, 4095, 4096, 4097, 8192, 65'536, 65'537, 300'000}) {
        INFO(size);
        const auto bytes = numbered(size);
        for (const std::size_t step : {std::size_t{777}, std::size_t{4096}, size}) {
            f.write("d/f", bytes, step);
            CHECK(f.read("d/f").value() == bytes);
        }
        CHECK(f.raw->file_size("d/f").value() == 64 + size + (size + 4095) / 4096 * 16);
        if (size > 64) CHECK_FALSE(contains(read_file(*f.raw, "d/f").value(), byte_span(bytes).subspan(size / 2, 16)));
        const auto opened = f.sealed->open("d/f", open_mode::read).value();
        CHECK(opened->size().value() == size);
        for (std::size_t at = 0; at < size; at += 1 + size / 7) {
            byte_vector into(std::min<std::size_t>(size, 5000));
            const auto count = opened->read_at(at, into).value();
            REQUIRE(count == std::min(into.size(), size - at));
            REQUIRE(std::equal(into.begin(), into.begin() + static_cast<std::ptrdiff_t>(count),
                               bytes.begin() + static_cast<std::ptrdiff_t>(at)));
        }
    }
}

TEST_CASE("sealed files: the same bytes are another file each time", "[sealed_file_system]") {
    if (!encryption_available()) return;
    const fixture f;
    const auto bytes = numbered(10'000);
    f.write("d/a", bytes);
    f.write("d/b", bytes);
    const auto a = read_file(*f.raw, "d/a").value(), b = read_file(*f.raw, "d/b").value();
    std::size_t same = 0;
    for (std::size_t i = 64; i < a.size(); ++i) same += a[i] == b[i];
    CHECK(same < a.size() / 64);
}

TEST_CASE("sealed files: flipped bits, truncations and swapped blocks are corruption", "[sealed_file_system]") {
    if (!encryption_available()) return;
    const fixture f;
    const auto bytes = numbered(3 * 4096 + 100);
    f.write("d/f", bytes);
    const auto image = read_file(*f.raw, "d/f").value();
    const auto code_now = [&] {
        const auto outcome = f.read("d/f");
        return outcome ? (*outcome == bytes ? errc{} : errc::internal) : outcome.error().code;
    };
    for (std::size_t at = 0; at < image.size(); at += at < 128 ? 1 : 61) {
        INFO(at);
        const auto flipped = image[at] ^ std::byte{16};
        f.change("d/f", at, std::span(&flipped, 1));
        REQUIRE(code_now() == errc::corruption);
        f.change("d/f", at, byte_span(image).subspan(at, 1));
    }
    REQUIRE(code_now() == errc{});
    for (std::size_t size = 0; size < image.size(); size += size % 4112 == 63 ? 1 : 53) {
        f.raw->open("d/f", open_mode::read_write).value()->truncate(size).value();
        INFO(size);
        REQUIRE(code_now() == errc::corruption);
        f.change("d/f", 0, image);
    }
    // Cut between two blocks: the block before is not the last one.
    f.raw->open("d/f", open_mode::read_write).value()->truncate(64 + 2 * 4112).value();
    CHECK(code_now() == errc::corruption);
    f.change("d/f", 0, image);
    // Blocks of this file at each other's place.
    f.change("d/f", 64, byte_span(image).subspan(64 + 4112, 4112));
    f.change("d/f", 64 + 4112, byte_span(image).subspan(64, 4112));
    CHECK(code_now() == errc::corruption);
    f.change("d/f", 0, image);
    // A block of another file, at its own place.
    f.write("d/g", bytes);
    f.change("d/f", 64, byte_span(read_file(*f.raw, "d/g").value()).subspan(64, 4112));
    CHECK(code_now() == errc::corruption);
    // The file of another store.
    const auto strangers = seal_files(f.raw, keyring::create(key_of(1)).value());
    CHECK(read_file(*strangers, "d/g").error().code == errc::corruption);
}

TEST_CASE("sealed files: block files are written and read through them", "[sealed_file_system][block_file]") {
    if (!encryption_available()) return;
    const fixture f;
    const auto rows = numbered(5 * block_bytes + 777);
    auto out = block_file_writer::create(*f.sealed, "d/f", kind, 3).value();
    out.begin_section(fourcc("ROWS"), 4096).value();
    out.append(rows).value();
    out.begin_section(fourcc("HEAD")).value();
    out.append(byte_span(rows).first(24)).value();
    const auto root = out.finish().value();

    const auto all = block_file::open(*f.sealed, "d/f", kind, verify_mode::all).value();
    CHECK(all->root() == root);
    CHECK(all->all_checked());
    const auto lazily = block_file::open(*f.sealed, "d/f", kind, verify_mode::footer).value();
    CHECK(lazily->on_demand());
    const auto section = lazily->section(fourcc("ROWS")).value();
    const auto middle = section.subspan(2 * block_bytes, 100);
    CHECK_FALSE(lazily->checked(middle));
    lazily->check(middle).value();
    CHECK(lazily->checked(middle));
    CHECK(std::equal(middle.begin(), middle.end(), rows.begin() + 2 * block_bytes));
    CHECK_FALSE(lazily->all_checked());

    // A look at the medium says nothing of what can be read through the mapping.
    const auto reader = f.sealed->open("d/f", open_mode::read).value();
    lazily->verify_medium(0, 6, *reader).value();
    CHECK_FALSE(lazily->checked(section.first(1)));
    lazily->check(section, reader.get()).value();
    CHECK(std::equal(section.begin(), section.end(), rows.begin()));
    CHECK(lazily->checked(section));

    // What is given back is decrypted again.
    lazily->release(section);
    CHECK_FALSE(lazily->all_checked());
    CHECK_FALSE(lazily->checked(section));
    lazily->check(section).value();
    CHECK(std::equal(section.begin(), section.end(), rows.begin()));
    CHECK(lazily->unchecked_count() == 0);
}

TEST_CASE("sealed files: damage of a block is told by its place in the block file", "[sealed_file_system]") {
    if (!encryption_available()) return;
    const fixture f;
    auto out = block_file_writer::create(*f.sealed, "d/f", kind, 3).value();
    out.begin_section(fourcc("ROWS")).value();
    out.append(numbered(5 * block_bytes)).value();
    (void)out.finish().value();
    const auto flipped = std::byte{0x5A};
    f.change("d/f", 64 + 2 * block_bytes + 16 * 40, std::span(&flipped, 1));
    const auto opened = block_file::open(*f.sealed, "d/f", kind, verify_mode::footer).value();
    const auto failed = opened->verify().error();
    CHECK(failed.code == errc::corruption);
    CHECK(failed.offset == 2 * block_bytes);
    CHECK(opened->damaged_count() == 1);
    CHECK(opened->check_blocks(3, 1).has_value());
}

TEST_CASE("sealed files: a read that fails is tried again", "[sealed_file_system]") {
    if (!encryption_available()) return;
    const auto raw = std::make_shared<memory_file_system>();
    raw->create_directories("d").value();
    const auto faulty = std::make_shared<test::fault_file_system>(*raw);
    const auto sealed = seal_files(faulty, keyring::create(key_of(1)).value());
    auto out = block_file_writer::create(*sealed, "d/f", kind, 3).value();
    out.begin_section(fourcc("ROWS")).value();
    out.append(numbered(5 * block_bytes)).value();
    (void)out.finish().value();
    const auto opened = block_file::open(*sealed, "d/f", kind, verify_mode::footer).value();
    test::fault_plan plan;
    plan.fail_read_at = 1;
    faulty->plan(plan);
    CHECK(opened->check_blocks(2, 1).error().code == errc::io);
    CHECK(opened->check_blocks(2, 1).has_value());
    CHECK(opened->damaged_count() == 0);
}

TEST_CASE("sealed files: a writer is of no use after an error", "[sealed_file_system]") {
    if (!encryption_available()) return;
    const auto raw = std::make_shared<memory_file_system>();
    raw->create_directories("d").value();
    const auto faulty = std::make_shared<test::fault_file_system>(*raw);
    const auto sealed = seal_files(faulty, keyring::create(key_of(1)).value());
    const auto out = sealed->open("d/f", open_mode::create).value();
    CHECK(out->write_at(0, numbered(10)).error().code == errc::unsupported);
    out->truncate(0).value();
    test::fault_plan plan;
    plan.fail_at = 1;
    faulty->plan(plan);
    CHECK(out->write_at(0, numbered(10'000)).error().code == errc::io);
    CHECK_FALSE(out->write_at(0, numbered(10'000)));
    CHECK_FALSE(out->write_at(10'000, numbered(10'000)));
}

TEST_CASE("sealed files: many threads fetch the same blocks", "[sealed_file_system][threads]") {
    if (!encryption_available()) return;
    const fixture f;
    const auto rows = numbered(20 * block_bytes);
    auto out = block_file_writer::create(*f.sealed, "d/f", kind, 3).value();
    out.begin_section(fourcc("ROWS"), 4096).value();
    out.append(rows).value();
    (void)out.finish().value();
    const auto opened = block_file::open(*f.sealed, "d/f", kind, verify_mode::footer).value();
    const auto section = opened->section(fourcc("ROWS")).value();
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i < 200; ++i) {
                const auto at = (i * 7919 + t * 104'729) * 64 % rows.size();
                const auto bytes = section.subspan(at, 64);
                if (!opened->checked(bytes) && !opened->check(bytes)) ++wrong;
                if (!std::equal(bytes.begin(), bytes.end(), rows.begin() + static_cast<std::ptrdiff_t>(at))) ++wrong;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("sealed files: the bytes are as documented", "[sealed_file_system][golden]") {
    if (!encryption_available()) return;
    const auto raw = std::make_shared<memory_file_system>();
    raw->create_directories("d").value();
    const auto image = test::from_hex(
        "56535345414c45440100000000100000101112131415161718191a1b1c1d1e1f0000000000000000000000000000000000000000000000"
        "00"
        "f97f33eb79676862403bdca28e316fa01810c85fd66ee383472b556c9842da3bd9bf27aa21617825a7c429fe");
    write_file(*raw, "d/f", image).value();
    CHECK(as_text(byte_span(image).first(8)) == "VSSEALED");
    CHECK(load_le<std::uint32_t>(image.data() + 8) == 1);
    CHECK(load_le<std::uint32_t>(image.data() + 12) == sealed_block_bytes);
    const auto sealed =
        seal_files(raw, keyring::open(test::from_hex(test::old_keyring_file), key_of(0x11), "k").value());
    CHECK(as_text(read_file(*sealed, "d/f").value()) == "twenty bytes of text");
}
