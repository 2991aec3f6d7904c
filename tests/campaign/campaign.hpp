/// Campaigns: one kind of damage tried at every place, or as often as asked for. Each is a function, so that the
/// program behind `cmake/campaign.sh` and the tests of the normal suite run the same code.
/// Thread safety: one campaign at a time.
#pragma once

#include "support/encrypted_store.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace vecstore::test {

inline constexpr std::uint64_t all_points = ~std::uint64_t{0};

struct campaign_options {
    /// Points tried, spread evenly over all there are; or rounds, for campaigns without a last point.
    std::uint64_t count = all_points;
    /// Seeds the workload.
    std::uint64_t seed = 1;
    /// Breaks a rule of the store on purpose, in a way that the campaign must find: else it proves nothing.
    bool spoiled = false;
    /// Of an encrypted store: for `crash`, `bitflip` and `diskfault`.
    bool encrypted = false;
    /// Called now and then.
    std::function<void(std::uint64_t done, std::uint64_t all)> progress = [](std::uint64_t, std::uint64_t) {};
};

struct campaign_outcome {
    std::uint64_t tried = 0;
    std::uint64_t lost = 0;   ///< an acknowledged write was missing, and no error said so
    std::uint64_t wrong = 0;  ///< any other wrong state, answer or error
    std::string first = {};   ///< the first finding, in words
    std::string note = {};    ///< what was tried, in numbers of its own

    void add_lost(const std::string& what) { add(lost, what); }
    void add_wrong(const std::string& what) { add(wrong, what); }
    [[nodiscard]] bool clean() const { return lost == 0 && wrong == 0; }

private:
    void add(std::uint64_t& counter, const std::string& what) {
        if (clean()) first = what;
        ++counter;
    }
};

/// The log cut, zeroed and garbled at every byte.
[[nodiscard]] campaign_outcome run_torn(const campaign_options& options);
/// Power cut at every operation that changes the disk.
[[nodiscard]] campaign_outcome run_crash(const campaign_options& options);
/// LMDB's own writes cut at every operation.
[[nodiscard]] campaign_outcome run_lmdb(const campaign_options& options);
/// Single bits flipped in the files of a closed store.
[[nodiscard]] campaign_outcome run_bitflip(const campaign_options& options);
/// Every operation on the disk fails, in several ways.
[[nodiscard]] campaign_outcome run_diskfault(const campaign_options& options);
/// A real process is killed while it writes.
[[nodiscard]] campaign_outcome run_kill9(const campaign_options& options);

/// As `quiet`, and encrypted if the campaign is.
[[nodiscard]] inline database_options store_options(const campaign_options& options) {
    return options.encrypted ? quiet_encrypted() : quiet();
}

/// The i-th of `count` points spread evenly over `all`. Precondition: i < count <= all.
[[nodiscard]] inline std::uint64_t spread(std::uint64_t i, std::uint64_t count, std::uint64_t all) {
    return static_cast<std::uint64_t>(static_cast<double>(i) * static_cast<double>(all) / static_cast<double>(count));
}

}  // namespace vecstore::test
