#include "database_cluster.hpp"

#include <catch2/catch.hpp>
#include <database/seed.hpp>
#include <replication/message.hpp>
#include <replication/seed_message.hpp>
#include <support/fault_file_system.hpp>
#include <support/hex.hpp>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::test;

namespace {

seed_id sample_id() {
    seed_id id{};
    id[0] = std::byte{1};
    id[15] = std::byte{2};
    return id;
}

byte_vector encoded(const seed_message& m) {
    byte_writer out;
    encode(m, out);
    return std::move(out).take();
}

void copy_tree(storage::file_system& from, const std::string& path, storage::file_system& to,
               const std::string& target) {
    to.create_directories(target).value();
    for (const auto& name : from.list(path).value()) {
        const auto there = path + "/" + name, here = target + "/" + name;
        if (from.list(there))
            copy_tree(from, there, to, here);
        else
            storage::write_file(to, here, storage::read_file(from, there).value()).value();
    }
}

/// Three nodes of which the first was restored from a snapshot, so that its log does not begin at the beginning.
struct seeded_cluster {
    seeded_cluster() : cluster(3) {
        for (const auto& n : cluster.nodes) cluster.stop(*n);
        for (const auto& n : cluster.nodes) n->disk = {};
        auto& files = cluster[1].disk.files;
        {
            auto db = database::open("origin", quiet(), {files, memory_disk().tables}).value();
            auto docs = db.create_collection("docs", one_vector(3)).value();
            for (std::uint64_t i = 0; i < 30; ++i) docs.upsert(numbered_points(1 + i * 100, 100)).value();
            REQUIRE(db.snapshot("copy"));
        }
        REQUIRE(restore_backup("copy", "db", lsn_latest, {files, nullptr}));
        for (const auto& n : cluster.nodes) cluster.start(*n);
    }
    bool wait_for(database_cluster::node& n, seed_stage stage) {
        for (int i = 0; i < 400 && n.log->seeding().stage != stage; ++i) cluster.run(50'000);
        return n.log->seeding().stage == stage;
    }
    void check_equal() {
        auto docs = cluster[1].db->open_collection("docs").value();
        cluster.patiently([&] { return docs.upsert(numbered_points(50'000, 5)); }).value();
        cluster.run();
        const auto wanted = cluster[1].stats();
        for (const auto& n : cluster.nodes) {
            CHECK(n->stats().lsn == wanted.lsn);
            CHECK(n->stats().state_hash == wanted.state_hash);
            CHECK(n->db->open_collection("docs").value().count().value() == 3'005);
            CHECK_FALSE(n->replica->status().state_differs);
        }
    }
    database_cluster cluster;
};

}  // namespace

TEST_CASE("seed: frames have these bytes", "[replication]") {
    const auto offer = encoded(seed_offer{sample_id(), as_bytes("manifest")});
    CHECK(hex(offer) ==
          "1c0000002100010000000000000000000000000035ecb4b901000000000000000000000000000002080000006d616e69"
          "66657374");
    CHECK(hex(encoded(seed_fetch{sample_id(), 3, 0x1122, 0x10})) ==
          "2000000022000100000000000000000000000000664da4cf010000000000000000000000000000020300000022110000"
          "0000000010000000");
    CHECK(hex(encoded(seed_data{sample_id(), 3, 0x1122, as_bytes("piece")})) ==
          "250000002300010000000000000000000000000092310668010000000000000000000000000000020300000022110000"
          "00000000050000007069656365");
    CHECK(hex(encoded(seed_gone{sample_id()})) ==
          "10000000240001000000000000000000000000000b82040c01000000000000000000000000000002");
    CHECK(hex(encoded(seed_ask{})) == "0000000020000100000000000000000000000000a6d32ab6");
}

TEST_CASE("seed: frames say what was said, and others are refused", "[replication]") {
    const auto back = [](const byte_vector& bytes) { return decode_seed(parse_frame(bytes).value()); };
    const auto fetch = seed_fetch{sample_id(), 3, 0x1122, 0x10};
    CHECK(std::get<seed_fetch>(back(encoded(fetch)).value()) == fetch);
    const auto bytes = encoded(seed_data{sample_id(), 3, 7, as_bytes("piece")});
    const auto data = std::get<seed_data>(back(bytes).value());
    CHECK(data.offset == 7);
    CHECK(as_text(data.bytes) == "piece");
    CHECK(std::holds_alternative<seed_ask>(back(encoded(seed_ask{})).value()));
    CHECK(back(encoded(seed_fetch{sample_id(), 3, 0, seed_chunk_bytes_max + 1})).error().code == errc::corruption);
    byte_writer other;
    encode(fence{}, 3, other);
    CHECK(decode_seed(parse_frame(other.bytes()).value()).error().code == errc::unsupported);
    frame f;
    f.type = static_cast<std::uint8_t>(seed_frame_type::gone);
    CHECK(decode_seed(f).error().code == errc::corruption);
    f.flags = 1;
    CHECK(decode_seed(f).error().code == errc::unsupported);
}

TEST_CASE("seed: who lacks records that are gone gets a copy and goes on from there", "[replication]") {
    seeded_cluster s;
    auto& c = s.cluster;
    REQUIRE(s.wait_for(c[2], seed_stage::ready));
    REQUIRE(s.wait_for(c[3], seed_stage::ready));
    CHECK(c[1].count(event_kind::needs_snapshot) >= 2);
    CHECK(c[2].count(event_kind::copy_ready) == 1);
    CHECK(c[2].stats().lsn == 0);  // goes on as it is, until it is opened anew
    const auto read_only = [&] {
        auto looking = quiet();
        looking.read_only = true;
        return database::open("db", looking, {c[2].disk.files, c[2].disk.tables});
    };
    CHECK(code_of(read_only()) == errc::unavailable);
    for (const std::size_t i : {2u, 3u}) c.install(c[i]);
    CHECK(c[2].stats().lsn > 0);
    c.run();
    REQUIRE(c[1].role() == replica_role::leader);
    s.check_equal();
    CHECK_FALSE(c[2].disk.files->exists("db/incoming/READY"));
    // It has what it needs to lead.
    c.cut = {c[1].id};
    c[2].leases->promote();
    c.run();
    REQUIRE(c[2].role() == replica_role::leader);
    auto docs = c[2].db->open_collection("docs").value();
    CHECK(c.patiently([&] { return docs.upsert(numbered_points(60'000, 1)); }));
}

TEST_CASE("seed: connections may break on the way", "[replication]") {
    seeded_cluster s;
    auto& c = s.cluster;
    for (int i = 0; i < 6; ++i) {
        c.run(30'000);
        c.cut = {c[2].id};
        c.run(700'000);
        c.cut.clear();
    }
    REQUIRE(s.wait_for(c[2], seed_stage::ready));
    c.install(c[2]);
    c.run();
    CHECK(c[2].stats().state_hash == c[1].stats().state_hash);
    // The source that was offered is gone for good: what there is of its snapshot is dropped.
    CHECK(c[3].log->seeding().stage != seed_stage::none);
    if (c[3].log->seeding().stage == seed_stage::loading) c.cut = {c[1].id};
    c.run(20'000'000);
    CHECK(c[3].log->seeding().stage != seed_stage::loading);
}

TEST_CASE("seed: a disk without room for the copy takes it once there is some", "[replication][fault]") {
    seeded_cluster s;
    auto& c = s.cluster;
    c[2].disk.files->set_capacity(c[2].disk.files->bytes() + 40'000);
    CHECK_FALSE(s.wait_for(c[2], seed_stage::ready));
    CHECK(c[2].stats().last_error.find("resource_exhausted") == 0);
    CHECK_FALSE(c[2].stats().poisoned);
    c[2].disk.files->set_capacity(~std::uint64_t{0});
    REQUIRE(s.wait_for(c[2], seed_stage::ready));
    c.install(c[2]);
    c.run();
    CHECK(c[2].stats().state_hash == c[1].stats().state_hash);
}

TEST_CASE("seed: pieces that are not what the manifest says are found", "[replication]") {
    seeded_cluster s;
    auto& c = s.cluster;
    for (int i = 0; i < 100'000 && c[2].log->seeding().stage != seed_stage::loading; ++i) c.pass();
    REQUIRE(c[2].log->seeding().stage == seed_stage::loading);
    // Somebody else's hand: the last file there is.
    auto& files = *c[1].disk.files;
    const auto snapshot = "db/outgoing/" + files.list("db/outgoing").value().front();
    const auto file = files.open(snapshot + "/state/tables", storage::open_mode::read_write).value();
    const auto size = file->size().value();
    REQUIRE(file->write_at(size - 9, as_bytes("X")));
    REQUIRE_FALSE(s.wait_for(c[2], seed_stage::ready));
    CHECK(c[2].stats().last_error.find("corruption") == 0);
    CHECK_FALSE(detail::seed_is_ready(*c[2].disk.files, "db"));
}

TEST_CASE("seed: a copy that was overtaken is not put in place", "[replication]") {
    seeded_cluster s;
    auto& c = s.cluster;
    REQUIRE(s.wait_for(c[2], seed_stage::ready));
    c.install(c[2]);
    c.run();
    const auto before = c[2].stats();
    // A copy of now, then writes, then the restart.
    auto& files = c[2].disk.files;
    auto source = *c[1].db;
    REQUIRE(source.snapshot("later"));
    copy_tree(*c[1].disk.files, "later", *files, "db/incoming");
    const auto at = detail::prepare_seed(files, "db").value();
    CHECK(at.lsn >= before.lsn);
    auto docs = c[1].db->open_collection("docs").value();
    c.patiently([&] { return docs.upsert(numbered_points(70'000, 1)); }).value();
    c.run();
    c.kill(c[2], 5);
    c.start(c[2]);
    CHECK_FALSE(c[2].disk.files->exists("db/incoming"));
    CHECK_FALSE(c[2].disk.files->exists("db/diverged/log-before-" + std::to_string(at.lsn)));
    c.run();
    CHECK(c[2].stats().state_hash == c[1].stats().state_hash);
}

TEST_CASE("seed: the power may fail at each operation while a copy is put in place", "[replication][fault]") {
    seeded_cluster s;
    auto& c = s.cluster;
    REQUIRE(s.wait_for(c[2], seed_stage::ready));
    const auto lsn = c[2].log->seeding().lsn;
    c.stop(c[2]);
    const auto files = c[2].disk.files;
    std::vector<std::unique_ptr<storage::memory_file_system>> disks;
    {
        const std::shared_ptr<storage::memory_file_system> copy = files->after_crash(storage::unsynced::kept);
        fault_file_system watched(*copy);
        fault_plan plan;
        plan.before = [&](const char*, const std::string&) {
            disks.push_back(copy->after_crash(storage::unsynced::lost));
            disks.push_back(copy->after_crash(storage::unsynced::mixed, disks.size()));
        };
        watched.plan(plan);
        REQUIRE(detail::install_seed(watched, "db"));
    }
    REQUIRE(disks.size() > 20);
    for (std::size_t i = 0; i < disks.size(); ++i) {
        INFO("power cut " << i);
        const memory_disk disk{std::move(disks[i]), storage::make_memory_table_store(detail::tables::names())};
        auto db = disk.open();
        if (!db) FAIL(db.error().what());
        CHECK(db->stats().value().lsn == lsn);
        CHECK(db->open_collection("docs").value().count().value() == 3'000);
    }
}
