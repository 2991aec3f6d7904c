#include "support/store.hpp"

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

/// Files in memory that say they are on a network.
class remote_files final : public vs::storage::file_system {
public:
    vs::result<std::unique_ptr<vs::storage::file>> open(const std::string& path, vs::storage::open_mode mode) override {
        return memory_.open(path, mode);
    }
    vs::result<std::shared_ptr<const vs::storage::mapping>> map(const std::string& path) override {
        return memory_.map(path);
    }
    vs::result<void> rename(const std::string& from, const std::string& to) override {
        return memory_.rename(from, to);
    }
    vs::result<void> link(const std::string& from, const std::string& to) override { return memory_.link(from, to); }
    vs::result<void> remove(const std::string& path) override { return memory_.remove(path); }
    vs::result<void> remove_all(const std::string& path) override { return memory_.remove_all(path); }
    vs::result<void> create_directories(const std::string& path) override { return memory_.create_directories(path); }
    vs::result<void> sync_directory(const std::string& path) override { return memory_.sync_directory(path); }
    vs::result<std::vector<std::string>> list(const std::string& path) override { return memory_.list(path); }
    bool exists(const std::string& path) override { return memory_.exists(path); }
    vs::result<std::uint64_t> file_size(const std::string& path) override { return memory_.file_size(path); }
    vs::result<std::unique_ptr<vs::storage::file_lock>> lock(const std::string& path) override {
        return memory_.lock(path);
    }
    std::string network_kind(const std::string& path) override {
        asked_of = path;
        return "nfs";
    }

    std::string asked_of;

private:
    vs::storage::memory_file_system memory_;
};

}  // namespace

TEST_CASE("network: a database on a network file system is refused, unless it is allowed", "[database]") {
    const auto files = std::make_shared<remote_files>();
    const vs::database_environment environment{files,
                                               vs::storage::make_memory_table_store(vs::detail::tables::names())};
    const auto refused = vs::database::open("a/b/db", quiet(), environment);
    REQUIRE(code_of(refused) == errc::unsupported);
    CHECK(refused.error().message.find("nfs") != std::string::npos);
    CHECK(files->asked_of == ".");  // what is there already says where it would be
    CHECK_FALSE(files->exists("a"));

    auto options = quiet();
    options.mapped = false;
    CHECK(code_of(vs::database::open("a/b/db", options, environment)) == errc::unsupported);
    options.mapped = true;
    options.allow_network_file_system = true;
    auto db = vs::database::open("a/b/db", options, environment).value();
    auto c = db.create_collection("c", one_vector(2)).value();
    (void)c.upsert({make_point(1, {1, 2})}).value();
    CHECK(c.count().value() == 1);
}

TEST_CASE("network: a disk of this machine is none", "[database]") {
    CHECK(vs::storage::posix_file_system().network_kind("/proc").empty());
    CHECK(vs::storage::posix_file_system().network_kind("/no such directory").empty());
}
