// One bit of one file of a closed store is flipped: opening it or reading gives a typed error, or all answers are right.
#include "campaign/campaign.hpp"
#include "support/damaged_store.hpp"

#include <map>

namespace vecstore::test {
namespace {

constexpr std::uint64_t flips_by_default = 10'000;

/// A file, and the offsets of its bytes that are not zero.
struct target {
    std::string file;
    std::uint64_t bytes = 0;
    std::vector<std::uint64_t> used = {};
};

std::vector<target> targets_of(const damage_sample& sample) {
    std::vector<target> targets;
    for (const auto& file : files_of(sample.path())) {
        const auto content = storage::read_file(storage::posix_file_system(), sample.path() + "/" + file).value();
        target made{file, content.size()};
        for (std::uint64_t i = 0; i < content.size(); ++i)
            if (content[static_cast<std::size_t>(i)] != std::byte{0}) made.used.push_back(i);
        targets.push_back(std::move(made));
    }
    return targets;
}

/// Mostly in bytes that mean something: files have large ranges of zeros.
std::uint64_t choose_offset(const target& from, random_source& random) {
    if (from.used.empty() || random.below(4) == 0) return random.below(from.bytes);
    return from.used[static_cast<std::size_t>(random.below(from.used.size()))];
}

/// LMDB's file has the most kinds of bytes, and no checksums of its own: every other flip is there.
const target& choose_file(const std::vector<target>& targets, std::uint64_t i, random_source& random) {
    const auto tables =
        std::find_if(targets.begin(), targets.end(), [](const auto& t) { return t.file == "state/data.mdb"; });
    if (i % 2 == 0 && tables != targets.end()) return *tables;
    return targets[static_cast<std::size_t>(random.below(targets.size()))];
}

}  // namespace

campaign_outcome run_bitflip(const campaign_options& options) {
    campaign_outcome outcome;
    const damage_sample sample(store_options(options));
    const auto targets = targets_of(sample);
    if (in_child(sample, sample.path()) != 0) outcome.add_wrong("the store is wrong before any damage");
    const auto copy = sample.directory / "damaged";
    const auto count = options.count == all_points ? flips_by_default : options.count;
    random_source random(options.seed);
    std::uint64_t detected = 0;
    for (; outcome.tried < count; ++outcome.tried) {
        const auto& chosen = choose_file(targets, outcome.tried, random);
        const auto offset = choose_offset(chosen, random);
        const auto bit = static_cast<unsigned>(random.below(8));
        copy_database(sample.path(), copy, chosen.file);
        if (options.spoiled)
            sample.spoil(copy);
        else
            flip_bit(copy + "/" + chosen.file, offset, bit);
        const auto found = in_child(sample, copy);
        detected += found == 1;
        if (found != 0 && found != 1)
            outcome.add_wrong("bit " + std::to_string(bit) + " of byte " + std::to_string(offset) + " of " +
                              chosen.file + (found < 0 ? ": signal " : ": outcome ") + std::to_string(std::abs(found)));
        options.progress(outcome.tried, count);
    }
    outcome.note = std::to_string(targets.size()) + " files, " + std::to_string(detected) + " flips detected, " +
                   std::to_string(outcome.tried - detected - outcome.wrong) + " harmless";
    return outcome;
}

}  // namespace vecstore::test
