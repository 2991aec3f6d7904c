#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/control_file.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>
#include <support/fault_file_system.hpp>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

control_state sample(std::uint64_t n) {
    control_state state;
    state.database_uuid.fill(std::byte{0xAB});
    state.promised_term = n;
    state.checkpoint_lsn = 1000 + n;
    state.checkpoint_term = 2;
    state.checkpoint_chain = 0x01020304;
    state.durable_lsn = 2000 + n;
    return state;
}

}  // namespace

TEST_CASE("control file: the newest state comes back", "[control_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    CHECK(control_file::open(files, "d").error().code == errc::not_found);
    (void)control_file::create(files, "d", sample(0)).value();
    CHECK(control_file::create(files, "d", sample(0)).error().code == errc::already_exists);
    for (std::uint64_t n = 1; n < 6; ++n) {
        auto control = control_file::open(files, "d").value();
        CHECK(control.state() == sample(n - 1));
        CHECK(!control.was_damaged());
        control.store(sample(n)).value();
        CHECK(control.generation() == n + 1);
    }
    auto reading = control_file::open(files, "d", true).value();
    CHECK(reading.store(sample(9)).error().code == errc::unsupported);
}

TEST_CASE("control file: the bytes are as documented", "[control_file][golden]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)control_file::create(files, "d", sample(7)).value();
    const auto bytes = read_file(files, "d/control").value();
    REQUIRE(bytes.size() == 8192);
    CHECK(as_text(byte_span(bytes).first(8)) == "VSCONTRL");
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
    CHECK(u64(8) == 1);
    CHECK(bytes[16] == std::byte{0xAB});
    CHECK(load_le<std::uint32_t>(bytes.data() + 32) == 1);
    CHECK(load_le<std::uint32_t>(bytes.data() + 36) == 0x01020304);
    CHECK(u64(40) == 7);
    CHECK(u64(48) == 1007);
    CHECK(u64(56) == 2);
    CHECK(u64(64) == 2007);
    CHECK(u64(72) == checksum64(byte_span(bytes).first(72)));
}

TEST_CASE("control file: one damaged slot is survived and healed, two are corruption", "[control_file]") {
    memory_file_system files;
    files.create_directories("d").value();
    (void)control_file::create(files, "d", sample(0)).value();
    auto writing = control_file::open(files, "d").value();
    writing.store(sample(1)).value();  // slot 1
    const auto raw = files.open("d/control", open_mode::read_write).value();
    raw->write_at(4096 + 50, as_bytes("x")).value();
    auto control = control_file::open(files, "d").value();
    CHECK(control.state() == sample(0));
    CHECK(control.was_damaged());
    control.store(sample(2)).value();
    CHECK(!control_file::open(files, "d").value().was_damaged());
    CHECK(control_file::open(files, "d").value().state() == sample(2));
    raw->write_at(4096 + 50, as_bytes("x")).value();
    raw->write_at(50, as_bytes("x")).value();
    CHECK(control_file::open(files, "d").error().code == errc::corruption);
    raw->truncate(10).value();
    CHECK(control_file::open(files, "d").error().code == errc::corruption);
}

TEST_CASE("control file: a crash or a fault leaves the old or the new state", "[control_file]") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        memory_file_system memory;
        memory.create_directories("d").value();
        (void)control_file::create(memory, "d", sample(0)).value();
        test::fault_file_system files(memory);
        auto control = control_file::open(files, "d").value();
        control.store(sample(1)).value();
        files.plan({.fail_at = 1 + seed % 2, .torn_fraction = 0.01});
        CHECK(control.store(sample(2)).error().code == errc::io);
        CHECK(control.store(sample(3)).error().code == errc::unavailable);
        memory.crash(seed);
        const auto state = control_file::open(memory, "d").value().state();
        const bool old_or_new = state == sample(1) || state == sample(2);
        REQUIRE(old_or_new);
    }
}
