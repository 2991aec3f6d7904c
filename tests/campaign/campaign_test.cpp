// Each campaign at a small count; and each against a store that breaks a rule on purpose: a campaign that cannot fail
// proves nothing. cmake/campaign.sh runs them in full.
#include "campaign/campaign.hpp"

#include <catch2/catch.hpp>

using namespace vecstore::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t divisor = 8;  // sanitizers are there for what runs, not for how often
#else
constexpr std::uint64_t divisor = 1;
#endif

using campaign = campaign_outcome (*)(const campaign_options&);

void find_nothing(campaign run, std::uint64_t count, bool encrypted = false) {
    campaign_options options;
    options.encrypted = encrypted;
    options.count = count / divisor;
    const auto outcome = run(options);
    INFO(outcome.note << "\n" << outcome.first);
    CHECK(outcome.tried == options.count);
    CHECK(outcome.lost == 0);
    CHECK(outcome.wrong == 0);
}

campaign_outcome run_spoiled(campaign run, std::uint64_t count) {
    campaign_options options;
    options.count = count;
    options.spoiled = true;
    return run(options);
}

}  // namespace

TEST_CASE("torn: a log torn at any byte gives whole batches or corruption", "[campaign][torn]") {
    find_nothing(run_torn, 16'384);
}

TEST_CASE("torn: the campaign finds a log that does not say what was durable", "[campaign][torn]") {
    CHECK(run_spoiled(run_torn, 128).lost > 0);
}

TEST_CASE("crash: a power cut at any operation loses nothing that was acknowledged", "[campaign][crash]") {
    find_nothing(run_crash, 400);
}

TEST_CASE("crash: the campaign finds a store that acknowledges before it has synced", "[campaign][crash]") {
    CHECK(run_spoiled(run_crash, 64).lost > 0);
}

TEST_CASE("bitflip: a flipped bit in any file of a closed store is detected or harmless", "[campaign][bitflip]") {
    find_nothing(run_bitflip, 240);
}

TEST_CASE("bitflip: the campaign finds a store that answers from a damaged file", "[campaign][bitflip]") {
    CHECK(run_spoiled(run_bitflip, 2).wrong == 2);
}

TEST_CASE("diskfault: whatever fails, nothing acknowledged is lost", "[campaign][diskfault]") {
    find_nothing(run_diskfault, 400);
}

TEST_CASE("diskfault: the campaign finds a log that only says that it was synced", "[campaign][diskfault]") {
    CHECK_FALSE(run_spoiled(run_diskfault, 40).clean());
}

TEST_CASE("encrypted: power cuts, flipped bits and faults do no more to an encrypted store",
          "[campaign][crash][bitflip][diskfault][encryption]") {
    find_nothing(run_crash, 200, true);
    find_nothing(run_bitflip, 160, true);
    find_nothing(run_diskfault, 200, true);
}

TEST_CASE("lmdb: tables cut at any write of LMDB open at the last commit", "[campaign][lmdb]") {
    find_nothing(run_lmdb, 320);
}

TEST_CASE("lmdb: the campaign finds tables that were not synced", "[campaign][lmdb]") {
    CHECK_FALSE(run_spoiled(run_lmdb, 64).clean());
}

TEST_CASE("kill9: a killed process loses nothing that it acknowledged", "[campaign][kill9]") {
    find_nothing(run_kill9, 24);
}

TEST_CASE("kill9: the campaign finds a writer that acknowledges too early", "[campaign][kill9]") {
    CHECK(run_spoiled(run_kill9, 20).lost > 0);
}
