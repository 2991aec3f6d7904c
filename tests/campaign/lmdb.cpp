// LMDB is tested by many, but not on our disk model, nor with our page sums beside it. Its writes and syncs are recorded
// while tables are filled, and played back up to every one of them: with what was not synced lost, kept or there in
// part. Opening must give the last commit that was acknowledged, or the one on its way, and never an error.
#include "campaign/campaign.hpp"
#include "campaign/lmdb_recorder.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace vecstore::test {
namespace {

using storage::unsynced;

constexpr std::size_t commits = 60;
constexpr std::uint64_t young_calls = 30;   ///< while the files are made
constexpr std::uint64_t young_rounds = 16;  ///< different subsets of the un-synced tried then
const std::vector<std::string> table_names{"first", "second"};

using content = std::map<std::pair<storage::table_id, std::string>, std::string>;

[[nodiscard]] std::uint64_t fingerprint_of(const content& wanted) {
    byte_writer out;
    for (const auto& [key, value] : wanted) {
        out.put(key.first);
        out.put_sized(key.second);
        out.put_sized(value);
    }
    return storage::checksum64(out.bytes());
}

[[nodiscard]] result<std::uint64_t> fingerprint_of(storage::table_store& found) {
    content all;
    VECSTORE_TRY(const auto reader, found.read());
    for (storage::table_id table = 0; table < table_names.size(); ++table) {
        VECSTORE_TRY(const auto each, reader->cursor(table));
        VECSTORE_CHECK(each->seek({}));
        while (each->valid()) {
            all.emplace(std::pair(table, std::string(as_text(each->key()))), std::string(as_text(each->value())));
            VECSTORE_CHECK(each->next());
        }
    }
    return fingerprint_of(all);
}

struct recording {
    std::vector<recorded_call> calls;
    std::vector<std::uint64_t> states;         ///< after each commit; states[0]: empty
    std::vector<std::size_t> acknowledged_at;  ///< calls made when commit i had returned; [0]: when it had been opened
};

/// Small and large values, new, replaced and erased, so that pages are split, freed and used again.
void change(storage::table_writer& writer, content& wanted, random_source& random) {
    for (auto left = 1 + random.below(20); left > 0; --left) {
        const auto table = static_cast<storage::table_id>(random.below(2));
        const auto key = "key " + std::to_string(random.below(200));
        if (random.below(3) == 0) {
            writer.erase(table, as_bytes(key)).value();
            wanted.erase({table, key});
            continue;
        }
        const auto bytes = random.below(10) == 0 ? 3'000 + random.below(9'000) : random.below(400);
        const std::string value(static_cast<std::size_t>(bytes), static_cast<char>('a' + random.below(26)));
        writer.put(table, as_bytes(key), as_bytes(value)).value();
        wanted.insert_or_assign({table, key}, value);
    }
}

[[nodiscard]] recording record(std::uint64_t seed) {
    const temporary_directory directory;
    recording made;
    start_recording(directory.path());
    {
        random_source random(seed);
        content wanted;
        const auto tables = storage::open_lmdb(directory.path(), table_names).value();
        storage::posix_file_system().sync_directory(directory.path()).value();  // as a database does
        made.states.push_back(fingerprint_of(wanted));
        made.acknowledged_at.push_back(recorded_calls());
        for (std::size_t i = 0; i < commits; ++i) {
            const auto writer = tables->write().value();
            change(*writer, wanted, random);
            writer->commit().value();
            made.states.push_back(fingerprint_of(wanted));
            made.acknowledged_at.push_back(recorded_calls());
        }
    }
    made.calls = stop_recording();
    return made;
}

/// Plays calls back on a disk that knows what was synced.
class playback {
public:
    explicit playback(bool without_syncs) : without_syncs_(without_syncs) {}

    void play(const recorded_call& call) {
        using kind = recorded_call::kind;
        switch (call.what) {
            case kind::write: return write(call);
            case kind::sync: return sync(call.path);
            case kind::truncate:
                open(call.path)->truncate(call.offset).value();
                dirty_.insert(call.path);
                return;
            case kind::rename:
                files_.rename(call.path, call.to).value();
                if (dirty_.erase(call.path) > 0) dirty_.insert(call.to);
                return;
            case kind::remove: return files_.remove(call.path).value();
            case kind::sync_directory: return files_.sync_directory(".").value();
        }
    }
    /// Puts what a power cut would leave into a real directory.
    void restore(const std::string& directory, unsynced rest, std::uint64_t seed) const {
        auto& disk = storage::posix_file_system();
        const auto left = files_.after_crash(rest, seed);
        disk.remove_all(directory).value();
        disk.create_directories(directory).value();
        for (const auto& name : left->list(".").value()) {
            const auto bytes = storage::read_file(*left, name).value();
            disk.open(directory + "/" + name, storage::open_mode::create).value()->write_at(0, bytes).value();
        }
    }

private:
    [[nodiscard]] std::unique_ptr<storage::file> open(const std::string& path) {
        return files_.open(path, storage::open_mode::create).value();
    }
    void write(const recorded_call& call) {
        open(call.path)->write_at(call.offset, call.bytes).value();
        // A write that syncs itself syncs nothing else.
        if (call.synced && !dirty_.contains(call.path))
            sync(call.path);
        else
            dirty_.insert(call.path);
    }
    void sync(const std::string& path) {
        if (without_syncs_) return;
        open(path)->sync().value();
        dirty_.erase(path);
    }

    bool without_syncs_;
    storage::memory_file_system files_;
    std::set<std::string> dirty_;
};

void try_point(const recording& trace, std::size_t played, const std::string& directory, const std::string& where,
               campaign_outcome& outcome) {
    const auto tables = storage::open_lmdb(directory, table_names);
    if (!tables) return outcome.add_wrong(where + ": " + tables.error().what());
    const auto found = fingerprint_of(**tables);
    if (!found) return outcome.add_wrong(where + ": " + found.error().what());
    const auto& at = trace.acknowledged_at;
    const auto returned =
        static_cast<std::size_t>(std::upper_bound(at.begin(), at.end(), played) - at.begin());  // opening counts as one
    const auto last = returned == 0 ? 0 : returned - 1;
    if (*found == trace.states[last]) return;
    if (last + 1 < trace.states.size() && *found == trace.states[last + 1]) return;
    if (std::find(trace.states.begin(), trace.states.end(), *found) != trace.states.end())
        return outcome.add_lost(where + ": not the state of commit " + std::to_string(last));
    outcome.add_wrong(where + ": a state that never was");
}

}  // namespace

campaign_outcome run_lmdb(const campaign_options& options) {
    campaign_outcome outcome;
    const auto trace = record(options.seed);
    // LMDB ends a commit with a write of a meta page that syncs itself; if none was seen, our functions were not called.
    if (std::count_if(trace.calls.begin(), trace.calls.end(), [](const auto& c) { return c.synced; }) <
        static_cast<std::ptrdiff_t>(commits))
        outcome.add_wrong("LMDB's writes were not recorded");
    const auto all = static_cast<std::uint64_t>(trace.calls.size()) + 1;
    const auto count = std::min(options.count, all);
    const temporary_directory directory;
    playback disk(options.spoiled);
    std::uint64_t opened = 0;
    for (std::uint64_t played = 0; played < all; ++played) {
        if (played > 0) disk.play(trace.calls[static_cast<std::size_t>(played - 1)]);
        if (outcome.tried == count || spread(outcome.tried, count, all) > played) continue;
        ++outcome.tried;
        options.progress(outcome.tried, count);
        const auto try_rest = [&](unsynced rest, std::uint64_t round, const char* name) {
            disk.restore(directory / "state", rest, played + round * all);
            try_point(trace, static_cast<std::size_t>(played), directory / "state",
                      "after " + std::to_string(played) + " calls, un-synced " + name, outcome);
            ++opened;
        };
        try_rest(unsynced::lost, 0, "lost");
        try_rest(unsynced::kept, 0, "kept");
        // Names are new only in the beginning: a file may be there without the one made before it.
        const auto rounds = played < young_calls ? young_rounds : 1;
        for (std::uint64_t round = 0; round < rounds; ++round) try_rest(unsynced::mixed, round, "mixed");
    }
    outcome.note = std::to_string(trace.calls.size()) + " writes, syncs, truncations, renames of " +
                   std::to_string(commits) + " commits: " + std::to_string(opened) + " opened";
    return outcome;
}

}  // namespace vecstore::test
