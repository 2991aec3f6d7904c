// Writing a checkpoint; its steps and their order are in database_state.hpp.
#include "database_state.hpp"

#include <collection/reader.hpp>
#include <collection/tables.hpp>

namespace vecstore::detail {

/// Cheaper than asking the tables: whoever sees a checkpoint in a snapshot sees that it was announced before.
result<std::uint64_t> database_state::checkpoint_bound(storage::table_reader& tables) const {
    if (!options_.read_only) return committing_lsn_.load(std::memory_order_seq_cst);
    VECSTORE_TRY(const auto applied, read_applied(tables));  // another process writes them
    return applied.lsn;
}

bool database_state::checkpoint_due() const noexcept {
    return bytes_since_seal_.load(std::memory_order_relaxed) > options_.checkpoint_bytes;
}

result<void> database_state::checkpoint() {
    VECSTORE_CHECK(check_writable());
    const lock_guard lock(checkpoint_mutex_);
    VECSTORE_CHECK(check_writable());  // it may have been closed meanwhile
    return checkpoint_locked();
}

/// Space for a checkpoint is what the reserve is for: afterwards there is less in memory and, with what was erased, less
/// on disk.
result<void> database_state::checkpoint_locked() {
    auto done = checkpoint_steps();
    if (!done && done.error().code == errc::resource_exhausted && !poisoned_ && reserve_ && reserve_->release())
        done = checkpoint_steps();
    if (done) (void)ensure_reserve();
    return done;
}

/// False while the disk is too full for it.
bool database_state::ensure_reserve() {
    if (!reserve_) return true;
    const auto tables = tables_->size_bytes();
    return reserve_->ensure(log_bytes_.load(std::memory_order_relaxed) + (tables ? *tables : 0));
}

result<void> database_state::checkpoint_steps() {
    if (!unfinished_) VECSTORE_CHECK(seal_all());
    if (!unfinished_) return catch_up_control();  // nothing new
    auto& c = *unfinished_;
    for (std::size_t i = c.parts.size(); i < c.collections.size(); ++i) {
        VECSTORE_TRY(auto parts, write_sealed_parts(*part_files_, directory_, *c.collections[i]));
        for (std::size_t slot = 0; slot < parts.size(); ++slot)
            if (parts[slot]) count_part(*c.collections[i], slot, *parts[slot], false);
        c.parts.push_back(std::move(parts));
    }
    for (std::size_t i = c.runs.size(); i < c.collections.size(); ++i) {
        VECSTORE_TRY(auto runs, write_sealed_runs(*part_files_, directory_, *c.collections[i]));
        for (const auto& made : runs) part_bytes_written_.fetch_add(bytes_of(made.run), std::memory_order_relaxed);
        c.runs.push_back(std::move(runs));
    }
    if (control_ && control_->state().format_version < tables::format_version) {
        // Before the tables have what a reader of the version before would take for damage.
        auto control = control_->state();
        control.format_version = tables::format_version;
        if (auto stored = control_->store(control); !stored) return poison(std::move(stored).error());
    }
    committing_lsn_.store(c.lsn, std::memory_order_seq_cst);
    VECSTORE_CHECK(write_checkpoint_tables());
    if (control_) {
        auto control = control_->state();
        control.checkpoint_lsn = c.lsn;
        control.checkpoint_term = c.term;
        control.checkpoint_chain = c.chain;
        control.durable_lsn = c.lsn;
        // A control file that failed once cannot be trusted to hold either state: no more checkpoints until reopened.
        if (auto stored = control_->store(control); !stored) return poison(std::move(stored).error());
    }
    archive_before_release();
    VECSTORE_CHECK(install_checkpoint());
    return {};
}

/// After a crash between the tables' commit and the control slot, the tables are ahead; so are copies made of the two.
result<void> database_state::catch_up_control() {
    if (!control_ || control_->state().checkpoint_lsn >= sealed_position_.lsn) return {};
    auto control = control_->state();
    control.checkpoint_lsn = control.durable_lsn = sealed_position_.lsn;
    control.checkpoint_term = sealed_position_.term;
    control.checkpoint_chain = sealed_position_.chain;
    if (auto stored = control_->store(control); !stored) return poison(std::move(stored).error());
    return {};
}

result<void> database_state::seal_all() {
    return queue_.exclusively([this]() VECSTORE_NO_THREAD_SAFETY_ANALYSIS -> result<void> {
        VECSTORE_CHECK(check_writable());  // after a failed apply nothing may be sealed
        const auto lsn = lsn_.load(std::memory_order_relaxed);
        sealed_position_ = applied_;
        if (lsn == checkpoint_lsn_.load(std::memory_order_relaxed)) return {};
        if (durable_lsn_.load(std::memory_order_relaxed) < lsn) VECSTORE_CHECK(sync_log());
        unfinished_checkpoint c;
        c.lsn = lsn;
        c.term = sealed_position_.term;
        c.chain = sealed_position_.chain;
        c.next_collection = next_collection_;
        c.dropped = std::exchange(dropped_, {});
        {
            const lock_guard lock(log_mutex_);
            c.log_first_lsn = log_ ? log_->first_lsn() : lsn + 1;
        }
        c.config = config_;
        c.aliases = aliases_;
        c.named_writes = write_ids_.since(checkpoint_lsn_.load(std::memory_order_relaxed));
        for (const auto& [id, state] : by_id_) {
            state->seal(lsn);
            c.collections.push_back(state);
        }
        bytes_since_seal_.store(0, std::memory_order_relaxed);
        unfinished_ = std::move(c);
        return {};
    });
}

result<void> database_state::write_checkpoint_tables() {
    const auto& c = *unfinished_;
    VECSTORE_TRY(const auto tables, tables_->write());
    for (std::size_t i = 0; i < c.collections.size(); ++i) {
        VECSTORE_CHECK(write_sealed_tables(*tables, *c.collections[i], c.parts[i]));
        VECSTORE_CHECK(write_sealed_fields(*tables, *c.collections[i], c.runs[i]));
    }
    for (const auto id : c.dropped) VECSTORE_CHECK(erase_tables(*tables, id));
    VECSTORE_CHECK(store_log_readers(*tables, c));
    VECSTORE_CHECK(store_aliases(*tables, c.aliases));
    VECSTORE_CHECK(write_ids::store(*tables, c.named_writes, c.lsn));
    byte_writer applied, format, next;
    applied.put(c.lsn);
    applied.put(c.term);
    format.put(tables::format_version);
    next.put(c.next_collection);
    VECSTORE_CHECK(tables->put(tables::meta, as_bytes("format"), format.bytes()));
    VECSTORE_CHECK(tables->put(tables::meta, as_bytes("next_collection"), next.bytes()));
    VECSTORE_CHECK(tables->put(tables::meta, as_bytes("applied"), applied.bytes()));
    if (!c.config.empty()) VECSTORE_CHECK(tables->put(tables::meta, as_bytes("config"), c.config));
    return tables->commit();
}

result<void> database_state::install_checkpoint() {
    std::vector<std::pair<std::shared_ptr<collection_state>, run_list>> unused;  // runs of indexes that are gone
    auto done = queue_.exclusively([&, this]() VECSTORE_NO_THREAD_SAFETY_ANALYSIS -> result<void> {
        auto& c = *unfinished_;
        for (std::size_t i = 0; i < c.collections.size(); ++i) {
            auto lists = c.collections[i]->parts();
            for (std::size_t slot = 0; slot < lists.size(); ++slot)
                if (c.parts[i][slot] != nullptr) lists[slot].push_back(c.parts[i][slot]);
            run_list gone;
            for (const auto& field : c.collections[i]->sealed()->dropped_fields)
                gone.insert(gone.end(), field->runs().begin(), field->runs().end());
            auto left_over = c.collections[i]->install(std::move(lists), true, std::move(c.runs[i]));
            gone.insert(gone.end(), left_over.begin(), left_over.end());
            if (!gone.empty()) unused.emplace_back(c.collections[i], std::move(gone));
        }
        checkpoint_lsn_.store(c.lsn, std::memory_order_release);
        const lock_guard lock(log_mutex_);
        if (!log_) return {};
        const auto released = release_log(c.lsn + 1);
        log_bytes_.store(log_->bytes(), std::memory_order_relaxed);
        return released;
    });
    const auto dropped = std::move(unfinished_->dropped);
    unfinished_.reset();
    remove_dropped(dropped);
    for (const auto& [state, runs] : unused)
        if (!state->pin()->dropped) remove_runs(*state, runs);
    return done;
}

void database_state::remove_dropped(const std::vector<collection_id>& dropped) {
    for (const auto id : dropped) {
        const auto directory = collection_directory(directory_, id);
        if (!files_->exists(directory)) continue;
        if (auto removed = files_->remove_all(directory); !removed) note_error(removed.error());
    }
}

}  // namespace vecstore::detail
