/// What a database_log and the functions that it has given to other threads share.
/// Order of locks: the database's turn, `mutex_`, the database's log. The ports run on the thread of the replica; the gate's
/// functions on whichever thread has the database's turn.
#pragma once

#include "database_log.hpp"
#include "file_log.hpp"
#include "seed_source.hpp"
#include "worker.hpp"

#include <vecstore/core/mutex.hpp>

#include <database/commit_gate.hpp>
#include <database/database_state.hpp>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace vecstore::replication {

struct database_log::shared final : detail::commit_gate, std::enable_shared_from_this<database_log::shared> {
    shared(std::shared_ptr<detail::database_state> database, const database_log_options& with)
        : state(std::move(database)),
          options(with),
          files(*state->files(), storage::join_path(state->directory(), "wal"), with.recent_bytes) {}

    // commit_gate
    result<std::uint64_t> begin() override;
    result<detail::log_position> commit(std::span<const wal::draft> drafts) override;
    void end(std::uint64_t lsn) noexcept override;
    [[nodiscard]] result<std::uint64_t> read(std::uint64_t from_lsn, byte_writer& out) const override;
    void state_hashed(std::uint64_t lsn, const hash128& hash) override;

    // By the thread of the replica.
    struct open_write;
    void submit(const std::shared_ptr<open_write>& write);
    void reached(std::uint64_t lsn);
    void write_ended(const write_outcome& outcome);
    void role_changed(std::uint64_t leading_term, std::uint64_t lsn);
    void hold_log() const;
    void begin_seeding();
    [[nodiscard]] bool wants_copy(const position& of) const;
    void stop();

    /// Runs `what(owner, now)` on the thread of the replica, if that is still there then.
    template <class What>
    void tell(What what) {
        options.post([self = shared_from_this(), what = std::move(what)] {
            if (self->owner != nullptr) what(*self->owner, self->clock());
        });
    }
    void run(const std::unique_ptr<worker>& by, std::function<void()> job) {
        if (options.work)
            options.work(std::move(job));
        else
            by->run(std::move(job));
    }
    void schedule_apply() VECSTORE_REQUIRES(mutex_);
    void apply();
    void storage_failed(error cause);
    /// True while there is something to wait for.
    bool wait(std::chrono::steady_clock::time_point until) VECSTORE_REQUIRES(mutex_);
    [[nodiscard]] error not_leader() const VECSTORE_REQUIRES(mutex_);

    // Constant once it is open.
    const std::shared_ptr<detail::database_state> state;
    const database_log_options options;
    replica_identity identity;  ///< as found, with the promise of then
    std::unique_ptr<worker> syncing, applying, copying;

    // Of the thread of the replica.
    replica* owner = nullptr;
    std::function<time_us()> clock;
    position last;  ///< of the log, also when the database has been closed
    open_write* submitting = nullptr;
    std::vector<write_outcome> early;  ///< while submitting: of tickets that are not known yet
    bool attached = false;
    struct through_owner final : network {
        explicit through_owner(shared& of) : self(of) {}
        void send(const node_id& to, byte_span frame) override {
            if (self.owner != nullptr) self.owner->send_frame(to, frame);
        }
        shared& self;
    };
    through_owner net{*this};
    std::unique_ptr<seed_source> source;  ///< null: it could not be made, or before `attach`
    std::unique_ptr<seed_target> target;

    // Of the thread that stores promises.
    std::optional<replica_file> promises;

    // Used under the database's lock of its log.
    mutable file_log files;

    // What the replica and the database's writer tell each other.
    mutable mutex mutex_;
    condition changed_;
    bool stopped_ VECSTORE_GUARDED_BY(mutex_) = true;
    std::uint64_t leading_term_ VECSTORE_GUARDED_BY(mutex_) = 0;  ///< 0: somebody else leads, or nobody
    node_id leader_ VECSTORE_GUARDED_BY(mutex_){};                ///< who was promised last
    std::uint64_t needed_lsn_ VECSTORE_GUARDED_BY(mutex_) = 0;    ///< of this term: applied before the next write
    std::uint64_t committed_lsn_ VECSTORE_GUARDED_BY(mutex_) = 0;
    std::uint64_t applied_lsn_ VECSTORE_GUARDED_BY(mutex_) = 0;
    bool turn_open_ VECSTORE_GUARDED_BY(mutex_) = false;  ///< a group of writes has the turn
    bool apply_scheduled_ VECSTORE_GUARDED_BY(mutex_) = false;
    std::uint64_t turn_term_ VECSTORE_GUARDED_BY(mutex_) = 0;
    std::shared_ptr<open_write> write_ VECSTORE_GUARDED_BY(mutex_);
};

/// A group of writes on its way: given to the replica, then waiting. Guarded by `mutex_`.
struct database_log::shared::open_write {
    enum class stage : std::uint8_t { queued, submitting, waiting, committed, refused, unknown };

    std::span<const wal::draft> drafts;  ///< while it is queued or being submitted
    std::uint64_t term = 0;
    stage at = stage::queued;
    std::uint64_t ticket = 0;
    position last;
    error refusal;
};

}  // namespace vecstore::replication
