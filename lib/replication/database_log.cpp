#include "database_log_shared.hpp"

#include <algorithm>

namespace vecstore::replication {

database_log::database_log(std::shared_ptr<shared> inner) noexcept : shared_(std::move(inner)) {}

result<std::unique_ptr<database_log>> database_log::open(const database& db, const replica_identity& identity,
                                                         const database_log_options& options) {
    if (!options.post) return invalid_argument("post: none");
    const auto& state = detail::database_access::state_of(db);
    auto inner = std::make_shared<shared>(state, options);
    if (!state->is_member()) {
        VECSTORE_TRY(const auto applied, state->applied());
        auto first = identity;
        // It has led itself so far.
        if (first.promised.term < applied.at.term) first.promised = {applied.at.term, identity.node};
        const auto joined = state->become_member([&](storage::file_system& files) -> result<void> {
            VECSTORE_TRY(inner->promises, replica_file::create(files, state->directory(), first));
            return {};
        });
        VECSTORE_CHECK(joined);
    }
    if (!inner->promises) {
        VECSTORE_TRY(inner->promises, replica_file::open(*state->files(), state->directory()));
    }
    if (inner->promises->identity().cluster != identity.cluster)
        return invalid_argument("cluster: the database is a member of cluster " +
                                short_name(inner->promises->identity().cluster) + ", not of " +
                                short_name(identity.cluster));
    inner->identity = inner->promises->identity();
    VECSTORE_CHECK(state->flush());  // all that a replica finds in its log is durable
    if (!options.work) {
        VECSTORE_TRY(inner->syncing, worker::start());
        VECSTORE_TRY(inner->applying, worker::start());
        VECSTORE_TRY(inner->copying, worker::start());
    }
    VECSTORE_CHECK(state->attach(*inner));
    inner->attached = true;
    std::unique_ptr<database_log> made(new database_log(std::move(inner)));
    VECSTORE_TRY(made->shared_->last,
                 state->with_log([](wal::writer& log) -> result<position> { return file_log::last(log); }));
    VECSTORE_TRY(const auto applied, state->applied());
    auto& s = *made->shared_;
    const lock_guard lock(s.mutex_);
    s.committed_lsn_ = s.applied_lsn_ = applied.at.lsn;
    s.leader_ = s.identity.promised.node;
    return made;
}

database_log::~database_log() { detach(); }

const replica_identity& database_log::identity() const noexcept { return shared_->identity; }

result<replica_start> database_log::start() const {
    replica_start found;
    const auto& identity = shared_->identity;
    VECSTORE_TRY(const auto applied, shared_->state->applied());
    found.promised = identity.promised;
    found.applied_lsn = applied.at.lsn;
    found.members = identity.first_members;
    if (!applied.config.empty()) {
        VECSTORE_TRY(found.members, decode_membership(applied.config));
    }
    return found;
}

void database_log::attach(replica& owner, std::function<time_us()> clock) {
    shared_->owner = &owner;
    shared_->clock = std::move(clock);
    shared_->begin_seeding();
    const lock_guard lock(shared_->mutex_);
    shared_->stopped_ = false;
}

void database_log::detach() {
    auto& s = *shared_;
    if (!std::exchange(s.attached, false)) return;
    s.stop();
    s.source.reset();
    s.target.reset();
    s.owner = nullptr;
    s.state->detach();
    if (s.syncing) s.syncing->stop();
    if (s.applying) s.applying->stop();
    if (s.copying) s.copying->stop();
}

seed_status database_log::seeding() const { return shared_->target ? shared_->target->status() : seed_status{}; }

position database_log::last() const { return shared_->last; }

std::uint64_t database_log::first_lsn() const {
    const auto found =
        shared_->state->with_log([](wal::writer& log) -> result<std::uint64_t> { return file_log::first_lsn(log); });
    return found ? *found : shared_->last.lsn + 1;
}

std::optional<position> database_log::at(std::uint64_t lsn) const {
    if (lsn == shared_->last.lsn) return shared_->last;
    const auto found = shared_->state->with_log(
        [&](wal::writer& log) -> result<std::optional<position>> { return file_log::at(log, lsn); });
    return found ? *found : std::nullopt;
}

result<void> database_log::append(std::span<const wal::record> records) {
    auto& s = *shared_;
    auto appended = s.state->with_log([&](wal::writer& log) -> result<position> {
        VECSTORE_CHECK(s.files.append(log, records));
        return file_log::last(log);
    });
    if (!appended) {
        if (appended.error().code != errc::resource_exhausted) s.state->log_failed(appended.error());
        return std::move(appended).error();
    }
    s.last = *appended;
    // The first that comes of a submit are what was submitted.
    if (s.submitting != nullptr && s.submitting->last.lsn == 0) s.submitting->last = s.last;
    return {};
}

void database_log::start_sync(std::uint64_t id) {
    auto& s = *shared_;
    s.hold_log();
    auto point = s.state->with_log([](wal::writer& log) -> result<wal::sync_point> { return log.begin_sync(); });
    s.run(s.syncing, [self = shared_, id, point = std::move(point)] {
        auto outcome = point ? result<void>{} : result<void>(point.error());
        if (point) {
            if (point->file) outcome = point->file->sync();
            outcome = self->state->with_log([&](wal::writer& log) { return log.end_sync(*point, outcome); });
        }
        if (!outcome) self->state->log_failed(outcome.error());
        self->tell([id, ok = outcome.has_value()](replica& r, time_us now) { r.log_synced(now, id, ok); });
    });
}

result<void> database_log::cut(std::uint64_t lsn) {
    auto& s = *shared_;
    auto done = s.state->with_log([&](wal::writer& log) -> result<position> {
        VECSTORE_CHECK(s.files.cut(log, lsn));
        return file_log::last(log);
    });
    if (!done) {
        s.state->log_failed(done.error());
        return std::move(done).error();
    }
    s.last = *done;
    return {};
}

result<std::uint64_t> database_log::read(std::uint64_t from_lsn, std::size_t bytes_max, byte_writer& out) const {
    return shared_->state->with_log(
        [&](wal::writer& log) { return shared_->files.read(log, from_lsn, bytes_max, out); });
}

void database_log::start_store(std::uint64_t id, const promised_leader& promised) {
    auto& s = *shared_;
    {
        const lock_guard lock(s.mutex_);
        s.leader_ = promised.node;
    }
    s.run(s.syncing, [self = shared_, id, promised] {
        const auto stored = self->promises->store(promised);
        if (!stored) self->state->log_failed(stored.error());
        self->tell([id, ok = stored.has_value()](replica& r, time_us now) { r.promise_stored(now, id, ok); });
    });
}

void database_log::apply_to(std::uint64_t lsn) { shared_->reached(lsn); }

void database_log::finished(const write_outcome& outcome) { shared_->write_ended(outcome); }

void database_log::happened(const event& what) {
    auto& s = *shared_;
    if (what.kind == event_kind::leading) s.role_changed(what.term, what.lsn);
    if (what.kind == event_kind::following || what.kind == event_kind::failed) s.role_changed(0, 0);
    if (s.options.host != nullptr) s.options.host->happened(what);
}

void database_log::received(const node_id& from, byte_span frame) {
    auto& s = *shared_;
    const auto now = s.clock();
    if (s.source && s.source->receive(now, from, frame)) return;
    if (s.target) (void)s.target->receive(now, from, frame);
}

void database_log::ticked(time_us now) {
    auto& s = *shared_;
    if (s.target) s.target->tick(now);
    if (s.source) {
        s.source->tick(now);
        if (s.owner->role() == replica_role::leader)
            for (const auto& peer : s.owner->status().peers)
                if (peer.needs_snapshot) s.source->offer(now, peer.node);
        s.hold_log();
    }
    if (s.options.host != nullptr) s.options.host->ticked(now);
}

bool database_log::shared::wants_copy(const position& of) const {
    if (owner == nullptr || owner->role() == replica_role::leader || owner->commit_lsn() >= of.lsn) return false;
    if (of.lsn > last.lsn) return true;
    const auto own =
        state->with_log([&](wal::writer& log) -> result<std::optional<position>> { return file_log::at(log, of.lsn); });
    return own && *own != of;
}

/// What does not work here is told and not needed until somebody lacks something.
void database_log::shared::begin_seeding() {
    const auto note = [this](const error& e) { state->note_trouble(e); };
    const auto work = [this](std::function<void()> job) { run(copying, std::move(job)); };
    seed_source_options giving;
    giving.post = options.post;
    giving.work = work;
    giving.failed = note;
    const database db = detail::database_access::handle_to(state);
    if (auto made = seed_source::open(db, net, giving))
        source = *std::move(made);
    else
        note(made.error());
    seed_target_options taking;
    taking.post = options.post;
    taking.work = work;
    taking.piece_bytes = options.seed_piece_bytes;
    taking.wanted = [this](const position& of) { return wants_copy(of); };
    taking.changed = [this, note](const seed_status& at, const result<void>& outcome) {
        if (!outcome) note(outcome.error());
        if (at.stage == seed_stage::ready && options.host != nullptr)
            options.host->happened({event_kind::copy_ready, owner->promised().term, at.lsn, 0, at.source});
    };
    if (auto made = seed_target::open(db, net, taking))
        target = *std::move(made);
    else
        note(made.error());
}

}  // namespace vecstore::replication
