// Every byte of a log of 256 KiB is the place where a write stopped. Reopening must give exactly the whole batches
// before it; or say "corruption" when what is still there proves that more had been synced. Never less in silence,
// never another state.
#include "campaign/campaign.hpp"
#include "support/fault_file_system.hpp"
#include "support/fingerprint.hpp"
#include "support/gated_table_store.hpp"

#include <vecstore/wal/record.hpp>
#include <vecstore/wal/segment.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::test {
namespace {

constexpr std::uint64_t trace_bytes = 256u << 10;
constexpr std::uint64_t sector_bytes = 512;

struct traced_record {
    std::uint64_t begin = 0;
    std::uint64_t payload_end = 0;  ///< behind it, up to 7 bytes of padding that mean nothing
    std::uint64_t end = 0;
    std::uint64_t lsn = 0;
    std::uint64_t durable_upto = 0;
    std::uint64_t batch_first = 0;  ///< lsn of the first record of its batch
    bool batch_continues = false;
};

/// A log with all that must be known of it.
struct trace {
    std::string wal_path;
    byte_vector wal;
    byte_vector control;
    std::shared_ptr<storage::table_store> tables;  ///< empty: no checkpoint was written
    std::vector<traced_record> records;
    std::vector<std::uint64_t> states;  ///< fingerprint after lsn i; states[0]: nothing
};

std::vector<traced_record> parse(byte_span wal) {
    const auto salt = wal::decode_segment_header(wal).value().salt;
    std::vector<traced_record> records;
    for (std::uint64_t at = wal::segment_header_bytes; at + wal::record_header_bytes <= wal.size();) {
        const auto header = wal::decode_header(wal.subspan(static_cast<std::size_t>(at)), salt);
        if (!header) break;
        const auto& value = header->value;
        const auto end = at + wal::record_bytes(header->payload_bytes);
        if (end > wal.size()) break;
        const auto payload_end = at + wal::record_header_bytes + header->payload_bytes;
        records.push_back({at, payload_end, end, value.lsn, value.durable_upto, value.lsn - value.batch_pos,
                           value.batch_continues()});
        at = end;
    }
    return records;
}

/// Real writes through the public API, three of four synced, until the log is long enough.
trace make_trace(std::uint64_t seed) {
    const memory_disk disk;
    const auto gate = std::make_shared<gated_table_store>(disk.tables);
    trace made;
    made.states.push_back(fingerprint(world{}));
    {
        auto db = database::open("db", quiet(), {disk.files, gate}).value();
        workload_options mix;
        mix.upkeep = false;
        mix.fields = false;  // making an index writes a checkpoint
        workload synced(seed, mix);
        mix.sync = durability::async;
        workload unsynced(seed + 1, mix);
        world now;
        while (db.stats().value().log_bytes < trace_bytes) {
            auto& source = synced.random().below(4) == 0 ? unsynced : synced;
            const auto operation = source.next(now);
            operation.run(db).value();
            operation.predict(now);
            const auto state = fingerprint(now);
            made.states.resize(static_cast<std::size_t>(db.stats().value().lsn) + 1, state);
        }
        made.control = storage::read_file(*disk.files, "db/control").value();
        made.wal_path = "db/wal/" + disk.files->list("db/wal").value().at(0);
        made.wal = storage::read_file(*disk.files, made.wal_path).value();
        made.wal.resize(trace_bytes);
        gate->close();
    }
    made.tables = disk.tables;
    made.records = parse(made.wal);
    // Behind the last whole record stand zeros, as in space filled ahead.
    std::fill(made.wal.begin() + static_cast<std::ptrdiff_t>(made.records.back().end), made.wal.end(), std::byte{0});
    return made;
}

/// What reopening must give.
struct expected {
    std::uint64_t lsn = 0;    ///< the last record that is there
    bool corruption = false;  ///< an error instead
};

/// `first` to `last` (exclusive) are the bytes that are not what they were; behind them, up to `end`, all is.
expected expect(const trace& t, std::uint64_t first, std::uint64_t last, std::uint64_t end) {
    expected wanted;
    const auto damaged = std::find_if(t.records.begin(), t.records.end(), [&](const auto& r) {
        return r.end > end || (r.begin < last && r.payload_end > first);
    });
    // The trace itself may end in the middle of a batch.
    const auto& r_last = t.records.back();
    const auto lost_from = damaged != t.records.end() ? damaged->batch_first
                           : r_last.batch_continues   ? r_last.batch_first
                                                      : r_last.lsn + 1;
    wanted.lsn = lost_from - 1;
    for (auto r = damaged; r != t.records.end(); ++r) {
        const auto header_end = r->begin + wal::record_header_bytes;
        const bool header_whole = header_end <= end && (r->begin >= last || header_end <= first);
        wanted.corruption |= header_whole && r->durable_upto >= lost_from;
    }
    return wanted;
}

/// The log as a writer would leave it that does not tell what was durable.
void forget_durable(byte_vector& wal) {
    const auto salt = wal::decode_segment_header(wal).value().salt;
    byte_vector out(wal.begin(), wal.begin() + wal::segment_header_bytes);
    while (const auto found = wal::decode_record(byte_span(wal).subspan(out.size()), salt)) {
        auto changed = *found;
        changed.durable_upto = 0;
        wal::encode_record(changed, salt, out);
    }
    std::copy(out.begin(), out.end(), wal.begin());
}

class torn_run {
public:
    torn_run(const trace& source, campaign_outcome& outcome) : trace_(source), outcome_(outcome) {}

    void cut(std::uint64_t at) {
        const byte_vector wal(trace_.wal.begin(), trace_.wal.begin() + static_cast<std::ptrdiff_t>(at));
        auto wanted = expect(trace_, at, at, at);
        check(wal, wanted, "cut at " + std::to_string(at));
    }
    /// The rest of a sector is zeros or noise; what follows was written.
    void tear(std::uint64_t at) {
        const auto end = std::min((at / sector_bytes + 1) * sector_bytes, trace_bytes);
        const bool zeros = at % 2 == 0;
        auto wal = trace_.wal;
        random_source noise(at + 1);
        std::uint64_t first = trace_bytes, last = 0;
        for (auto i = at; i < end; ++i) {
            auto& byte = wal[static_cast<std::size_t>(i)];
            const auto before = std::exchange(byte, zeros ? std::byte{0} : static_cast<std::byte>(noise.below(256)));
            if (byte == before) continue;
            first = std::min(first, i);
            last = i + 1;
        }
        // Of the segment's header one of two copies is always whole.
        const auto wanted =
            expect(trace_, std::max(first, std::uint64_t{wal::segment_header_bytes}), last, trace_bytes);
        check(wal, wanted, std::string(zeros ? "zeros" : "noise") + " from " + std::to_string(at));
    }

    [[nodiscard]] std::uint64_t reopened() const { return checked_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

private:
    /// Opens, compares, and lets the process die.
    void check(const byte_vector& wal, const expected& wanted, const std::string& what) {
        const auto files = std::make_shared<storage::memory_file_system>();
        files->create_directories("db/wal").value();
        storage::write_file(*files, "db/control", trace_.control).value();
        storage::write_file(*files, trace_.wal_path, wal).value();
        check_opened(files, wanted, what);
        if (++checked_ % 16 != 0 || wanted.corruption) return;
        check_opened(files, wanted, what + ", opened again");  // what was repaired stays as it is
    }
    void check_opened(const std::shared_ptr<storage::memory_file_system>& files, const expected& wanted,
                      const std::string& what) {
        const auto faults = std::make_shared<fault_file_system>(*files);
        const auto gate = std::make_shared<gated_table_store>(trace_.tables);
        auto opened = database::open("db", quiet(), {faults, gate});
        if (!opened) {
            ++refused_;
            if (opened.error().code != errc::corruption)
                outcome_.add_wrong(what + ": " + opened.error().what());
            else if (!wanted.corruption)
                outcome_.add_wrong(what +
                                   ": corruption, although nothing durable is missing: " + opened.error().what());
            return;
        }
        const auto lsn = opened->stats().value().lsn;
        const auto found = fingerprint(*opened);
        fault_plan dead;
        dead.fail_at = 1;
        dead.stays_broken = true;
        faults->plan(dead);  // or closing would write a checkpoint
        gate->close();
        if (wanted.corruption)
            outcome_.add_lost(what + ": opened at lsn " + std::to_string(lsn) + ", and more had been synced");
        else if (lsn < wanted.lsn)
            outcome_.add_lost(what + ": lsn " + std::to_string(lsn) + ", not " + std::to_string(wanted.lsn));
        else if (lsn > wanted.lsn)
            outcome_.add_wrong(what + ": lsn " + std::to_string(lsn) + ", not " + std::to_string(wanted.lsn));
        else if (!found || *found != trace_.states[static_cast<std::size_t>(lsn)])
            outcome_.add_wrong(what + ": another state at lsn " + std::to_string(lsn));
    }

    const trace& trace_;
    campaign_outcome& outcome_;
    std::uint64_t checked_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace

campaign_outcome run_torn(const campaign_options& options) {
    auto trace = make_trace(options.seed);
    if (options.spoiled) forget_durable(trace.wal);
    campaign_outcome outcome;
    torn_run run(trace, outcome);
    const auto count = std::min(options.count, trace_bytes);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto at = spread(i, count, trace_bytes);
        run.cut(at);
        run.tear(at);
        ++outcome.tried;
        if (i % 1024 == 0) options.progress(i, count);
    }
    outcome.note = std::to_string(trace.records.size()) + " records in " + std::to_string(trace_bytes) +
                   " bytes; each byte cut, and torn to the end of its sector: " + std::to_string(run.reopened()) +
                   " reopened, " + std::to_string(run.refused()) + " of them refused as corruption";
    return outcome;
}

}  // namespace vecstore::test
