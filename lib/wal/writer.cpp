#include "position_index.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/wal/writer.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace vecstore::wal {
namespace {

std::uint64_t seed_or_system(std::uint64_t seed) {
    if (seed != 0) return seed;
    std::random_device system;
    return (std::uint64_t{system()} << 32) | system();
}

}  // namespace

writer::writer(storage::file_system& files, std::string directory, const writer_options& options, const log_end& end)
    : files_(&files),
      directory_(std::move(directory)),
      options_(options),
      end_(end),
      durable_lsn_(end.last_lsn),
      term_(std::max(options.term, end.term)) {
    options_.salt_seed = seed_or_system(options.salt_seed);
}

writer::writer(writer&&) noexcept = default;
writer& writer::operator=(writer&&) noexcept = default;
writer::~writer() = default;

result<writer> writer::open(storage::file_system& files, std::string directory, const writer_options& options,
                            const log_end& end) {
    writer opened(files, std::move(directory), options, end);
    VECSTORE_CHECK(opened.adopt_segments());
    return opened;
}

result<void> writer::adopt_segments() {
    if (!files_->exists(directory_)) return error{errc::not_found, "no such directory", directory_, 0};
    VECSTORE_TRY(const auto names, list_segments(*files_, directory_));
    for (const auto& name : names) {
        VECSTORE_TRY(const auto bytes, files_->file_size(path_of(name)));
        segments_.push_back({name, bytes});
    }
    if (!end_.has_segment) return {};
    const auto path = path_of({end_.segment.first_term, end_.segment.first_lsn});
    VECSTORE_TRY(file_, files_->open(path, storage::open_mode::read_write));
    VECSTORE_TRY(allocated_, file_->size());
    if (allocated_ < end_.offset) return corruption("log segment is shorter than its records", path, allocated_);
    return {};
}

std::string writer::path_of(const segment_name& name) const { return storage::join_path(directory_, to_string(name)); }

error writer::poison(error cause) {
    poisoned_ = true;
    cause_ = cause;
    return cause;
}

error writer::refusal() const {
    return {errc::unavailable, "the log takes no writes after: " + cause_.what(), cause_.path, 0};
}

std::uint64_t writer::first_lsn() const noexcept {
    return segments_.empty() ? end_.last_lsn + 1 : segments_.front().name.first_lsn;
}

std::uint64_t writer::bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& each : segments_) sum += each.bytes;
    // Of the segment being written only the used part counts.
    if (end_.has_segment && !segments_.empty()) sum += end_.offset - segments_.back().bytes;
    return sum;
}

template <class Draft>
result<void> writer::check_batches(std::span<const Draft> drafts) {
    if (drafts.empty()) return invalid_argument("drafts: none");
    if ((drafts.back().flags & flag_batch_continues) != 0) return invalid_argument("drafts: the last batch is open");
    for (const auto& each : drafts)
        if (each.payload.size() > record_bytes_max)
            return invalid_argument("payload: " + std::to_string(each.payload.size()) + " bytes, more than 16 MiB");
    return {};
}

result<std::uint64_t> writer::append(std::span<const draft> drafts) {
    return write(drafts, [this](const draft&) { return term_; });
}

result<std::uint64_t> writer::append_records(std::span<const record> records) {
    for (auto term = end_.term; const auto& each : records)
        if (each.term < std::exchange(term, each.term))
            return invalid_argument("records: term " + std::to_string(each.term) + " follows a later one");
    if (!records.empty()) term_ = std::max(term_, records.front().term);  // of a segment that begins here
    auto written = write(records, [](const record& each) { return each.term; });
    if (written) term_ = std::max(term_, end_.term);
    return written;
}

template <class Draft, class TermOf>
result<std::uint64_t> writer::write(std::span<const Draft> drafts, const TermOf& term_of) {
    if (poisoned_) return refusal();
    VECSTORE_CHECK(check_batches(drafts));
    std::uint64_t bytes = 0;
    for (const auto& each : drafts) bytes += record_bytes(each.payload.size());
    const bool full = end_.offset + bytes > options_.segment_bytes && end_.offset > segment_header_bytes;
    if (!end_.has_segment || full || options_.start_new_segment) VECSTORE_CHECK(roll());
    VECSTORE_CHECK(ensure_allocated(end_.offset + bytes));

    auto after = end_;
    buffer_.clear();
    std::uint32_t batch_pos = 0;
    for (const auto& each : drafts) {
        after.term = term_of(each);
        const record value{++after.last_lsn, after.term,  each.type, each.flags,  batch_pos,
                           durable_lsn_,     after.chain, 0,         each.payload};
        after.chain = encode_record(value, end_.segment.salt, buffer_);
        batch_pos = value.batch_continues() ? batch_pos + 1 : 0;
        if (positions_) positions_->push({after.term, after.chain});
    }
    after.offset += bytes;
    if (auto written = file_->write_at(end_.offset, buffer_); !written) {
        if (positions_) positions_->cut(end_.last_lsn);
        VECSTORE_CHECK(cut_back(written.error()));
        return std::move(written).error();
    }
    allocated_ = std::max(allocated_, after.offset);
    end_ = after;
    return end_.last_lsn;
}

/// Takes a failed write out of the file again, durably: a record whose write was refused must not come back at
/// recovery.
result<void> writer::cut_back(const error& cause) {
    if (cause.code != errc::resource_exhausted) return poison(cause);
    auto outcome = file_->truncate(end_.offset);
    if (outcome) outcome = file_->sync();
    if (!outcome) return poison(std::move(outcome).error());
    allocated_ = end_.offset;
    durable_lsn_ = end_.last_lsn;
    return {};
}

result<void> writer::ensure_allocated(std::uint64_t bytes) {
    if (options_.allocate_bytes == 0 || bytes <= allocated_) return {};
    const auto ahead = std::min(allocated_ + options_.allocate_bytes, options_.segment_bytes);
    const auto target = std::max(bytes, ahead);
    if (auto outcome = file_->allocate(target); !outcome) {
        // A disk too full for the zeros may still have room for the record, whose own write decides.
        if (outcome.error().code != errc::resource_exhausted) return poison(std::move(outcome).error());
        return {};
    }
    allocated_ = target;
    return {};
}

/// Seals the segment being written and begins the next. On resource_exhausted nothing has changed.
result<void> writer::roll() {
    const bool reuse_name = end_.has_segment && end_.offset == segment_header_bytes;
    if (end_.has_segment) {
        auto outcome = file_->truncate(end_.offset);  // the zeros ahead are not needed any more
        if (outcome) outcome = file_->sync();
        if (!outcome) return poison(std::move(outcome).error());
        allocated_ = end_.offset;
        durable_lsn_ = end_.last_lsn;
        segments_.back().bytes = end_.offset;
    }
    segment_header header;
    header.database_uuid = options_.database_uuid;
    header.node_uuid = options_.node_uuid;
    header.segment_number = end_.has_segment ? end_.segment.segment_number + 1 : 1;
    header.first_lsn = end_.last_lsn + 1;
    // An empty segment is made again under its own name: two files with one first lsn would be ambiguous.
    header.first_term = reuse_name ? end_.segment.first_term : term_;
    header.salt = mix64(options_.salt_seed ^ mix64(header.first_lsn) ^ mix64(header.segment_number << 32));
    header.prev_chain = end_.chain;

    const segment_name name{header.first_term, header.first_lsn};
    const auto path = path_of(name);
    auto opened = files_->open(path, storage::open_mode::create);
    if (!opened) {
        if (opened.error().code == errc::resource_exhausted) return std::move(opened).error();
        return poison(std::move(opened).error());
    }
    auto made = *std::move(opened);
    auto outcome = made->truncate(0);
    if (outcome) outcome = made->write_at(0, encode_segment_header(header));
    if (!outcome && outcome.error().code == errc::resource_exhausted && !reuse_name) {
        made.reset();
        if (auto removed = files_->remove(path); !removed) return poison(std::move(removed).error());
        return outcome;
    }
    if (outcome) outcome = made->sync();
    if (outcome) outcome = files_->sync_directory(directory_);
    if (!outcome) return poison(std::move(outcome).error());

    file_ = std::move(made);
    if (reuse_name)
        segments_.back().bytes = segment_header_bytes;
    else
        segments_.push_back({name, segment_header_bytes});
    end_.has_segment = true;
    end_.segment = header;
    end_.offset = segment_header_bytes;
    allocated_ = segment_header_bytes;
    options_.start_new_segment = false;
    return {};
}

result<void> writer::start_segment() {
    if (poisoned_) return refusal();
    if (end_.has_segment && end_.offset == segment_header_bytes && !options_.start_new_segment) return {};
    return roll();
}

result<void> writer::sync() {
    if (poisoned_) return refusal();
    if (durable_lsn_ == end_.last_lsn) return {};
    if (auto outcome = file_->sync(); !outcome) return poison(std::move(outcome).error());
    durable_lsn_ = end_.last_lsn;
    return {};
}

result<void> writer::release_before(std::uint64_t lsn, std::uint64_t keep_bytes) {
    bool removed = false;
    while (segments_.size() > 1 && segments_[1].name.first_lsn <= lsn &&
           bytes() - segments_.front().bytes >= keep_bytes) {
        VECSTORE_CHECK(files_->remove(path_of(segments_.front().name)));
        segments_.erase(segments_.begin());
        removed = true;
    }
    if (positions_) positions_->release_before(first_lsn());
    if (removed) VECSTORE_CHECK(files_->sync_directory(directory_));
    return {};
}

}  // namespace vecstore::wal
