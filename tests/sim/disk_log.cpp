#include "disk_log.hpp"

namespace vecstore::sim {

disk_log::disk_log(sim_log& model, std::uint64_t seed, hooks with)
    : model_(model), random_(seed), hooks_(std::move(with)), disk_(std::make_shared<storage::memory_file_system>()) {
    (void)disk_->create_directories("node/wal");
    open(0);
}

disk_log::~disk_log() = default;

/// The node may die before each operation; what it does from there on reaches no disk.
void disk_log::watch() {
    files_ = std::make_unique<test::fault_file_system>(*disk_);
    test::fault_plan plan;
    plan.before = [this](const char*, const std::string&) {
        if (!death_ && hooks_.dies_here()) death_ = now();
    };
    files_->plan(plan);
}

disk_log::death disk_log::now() const {
    auto& random = const_cast<random_source&>(random_);
    const auto rest = static_cast<storage::unsynced>(random.below(3));
    const auto durable = cutting_to_ ? std::min(model_.durable(), *cutting_to_) : model_.durable();
    return {disk_->after_crash(rest, random()), model_.entries(), durable};
}

void disk_log::open(std::uint64_t known_durable) {
    files_.reset();
    writer_.reset();
    std::vector<byte_vector> kept;
    wal::recover_options how;
    how.known_durable_lsn = known_durable;
    const auto scan = wal::recover(*disk_, "node/wal", how, [&](const wal::record& record) -> result<void> {
        wal::encode_record(record, 0, kept.emplace_back());
        return {};
    });
    if (!scan) {
        hooks_.fail("recovery fails: " + scan.error().what());
        kept.clear();
    }
    model_.restore(kept);
    watch();
    wal::writer_options options;
    constexpr std::uint64_t smallest = 4'600;  // a header, and some records
    options.segment_bytes = smallest + random_.below(4'000);
    options.allocate_bytes = random_.below(2) == 0 ? 0 : 1'500;
    options.salt_seed = random_();
    auto opened = wal::writer::open(*disk_, "node/wal", options, scan ? scan->end : wal::log_end{});
    if (!opened) return hooks_.fail("the log does not open: " + opened.error().what());
    auto positions = opened->keep_positions(0, {});
    if (!positions) return hooks_.fail("the log cannot be read: " + positions.error().what());
    // Now that it is open, what it does may be its last.
    opened = wal::writer::open(*files_, "node/wal", options, scan ? scan->end : wal::log_end{});
    if (!opened || !opened->keep_positions(0, {})) return hooks_.fail("the log does not open twice");
    writer_.emplace(*std::move(opened));
    log_.emplace(*files_, "node/wal", random_.below(2) == 0 ? 0 : 2'000);
    compare("a restart");
}

void disk_log::compare(const char* when) {
    if (last() != model_.last()) hooks_.fail(std::string("I2: the log is not what it should be after ") + when);
}

result<void> disk_log::append(std::span<const wal::record> records) {
    if (hooks_.is_full()) return error{errc::resource_exhausted, "the disk is full"};
    VECSTORE_CHECK(log_->append(*writer_, records));
    VECSTORE_CHECK(model_.append(records));
    compare("an append");
    return {};
}

void disk_log::start_sync(std::uint64_t id) {
    syncs_[id] = writer_->begin_sync();
    model_.start_sync(id);
}

void disk_log::sync_ends(std::uint64_t id, std::uint64_t count, bool ok) {
    const auto found = syncs_.find(id);
    if (found == syncs_.end()) return;
    const auto point = found->second;
    syncs_.erase(syncs_.begin(), std::next(found));
    auto outcome = ok ? result<void>{} : result<void>(error{errc::io, "the disk fails"});
    if (ok && point.file) outcome = point.file->sync();
    if (death_) return;
    if (!writer_->end_sync(point, outcome)) return;
    model_.became_durable(std::min(count, writer_->durable_lsn()));
}

result<void> disk_log::cut(std::uint64_t lsn) {
    const auto from = model_.last();
    cutting_to_ = lsn;
    const auto done = log_->cut(*writer_, lsn);
    cutting_to_.reset();
    if (!done) {
        hooks_.fail("a cut fails: " + done.error().what());
        return done;
    }
    VECSTORE_CHECK(model_.cut(lsn));
    compare("a cut");
    bool kept = false;
    const auto name = "cut-" + std::to_string(lsn + 1) + "-" + std::to_string(from.lsn) + "-";
    const auto names = disk_->list("node/diverged");
    if (names)
        for (const auto& each : *names) kept = kept || (each.starts_with(name) && each.ends_with(".wal"));
    if (!kept && from.lsn > lsn) hooks_.fail("I9: what was cut is not kept");
    return {};
}

result<std::uint64_t> disk_log::read(std::uint64_t from_lsn, std::size_t bytes_max, byte_writer& out) const {
    const auto before = out.size();
    auto upto = log_->read(*writer_, from_lsn, bytes_max, out);
    if (!upto) {
        hooks_.fail("the log cannot be read: " + upto.error().what());
        return upto;
    }
    auto lsn = from_lsn;
    for (auto rest = out.bytes().subspan(before); !rest.empty(); ++lsn) {
        const auto record = wal::decode_record(rest, 0);
        if (!record || record->lsn != lsn || record->chain != model_.of(lsn).chain) {
            hooks_.fail("I2: another record is read at lsn " + std::to_string(lsn));
            break;
        }
        rest = rest.subspan(wal::record_bytes(record->payload.size()));
    }
    if (lsn != *upto + 1) hooks_.fail("fewer records are read than is said");
    return upto;
}

void disk_log::crash(std::uint64_t known_durable) {
    const auto left = death_ ? *std::exchange(death_, std::nullopt) : now();
    syncs_.clear();
    disk_ = left.disk;
    open(known_durable);
    if (!writer_) return;
    for (std::uint64_t lsn = 1; lsn <= std::min<std::uint64_t>(model_.size(), left.entries.size()); ++lsn)
        if (model_.of(lsn).chain != left.entries[lsn - 1].chain)
            return hooks_.fail("I2: recovery finds another record at lsn " + std::to_string(lsn));
    if (model_.size() < left.durable)
        hooks_.fail("I1: recovery finds " + std::to_string(model_.size()) + " records, " +
                    std::to_string(left.durable) + " were durable");
    if (model_.size() > 0 && !model_.of(model_.size()).ends) hooks_.fail("recovery finds half a batch");
}

}  // namespace vecstore::sim
