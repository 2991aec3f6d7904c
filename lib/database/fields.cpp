// Payload indexes: creating, dropping, building and merging. Why they are always right says
// collection/fields/indexed_field.hpp.
#include "database_state.hpp"

#include <vecstore/payload/path.hpp>

#include <collection/reader.hpp>

#include <algorithm>

namespace vecstore::detail {
namespace {

/// As payload::to_string writes it, so that equal paths are equal texts.
result<std::string> canonical(const std::string& path) {
    auto parsed = payload::path::parse(path);
    if (!parsed) return invalid_argument("payload index: " + std::move(parsed).error().message);
    return payload::to_string(*parsed);
}

std::shared_ptr<const indexed_field> field_of(const collection_state& state, std::uint64_t index) {
    const auto fields = state.pin()->fields;
    const auto at = std::find_if(fields->begin(), fields->end(), [&](const auto& f) { return f->id() == index; });
    return at == fields->end() ? nullptr : *at;
}

}  // namespace

result<write_result> database_state::create_field_index(const std::shared_ptr<collection_state>& state,
                                                        const std::string& path, const field_schema& schema,
                                                        const field_index_options& options) {
    VECSTORE_TRY(const auto name, canonical(path));
    VECSTORE_CHECK(parse_field_schema(to_value(schema)));
    write_request request;
    request.targets = {state.get()};
    request.resolve = [&](write_request& made) -> result<void> {
        const auto fields = state->pin()->fields;
        const auto* const now = find_field(*fields, name);
        if (now != nullptr && now->schema() == schema) return {};
        if (now == nullptr && fields->size() >= field_indexes_max)
            return error{errc::resource_exhausted,
                         "the limit of " + std::to_string(field_indexes_max) + " payload indexes is reached"};
        made.operations.push_back(encode_create_field(state->id(), name, schema));
        return {};
    };
    VECSTORE_TRY(const auto written, commit(std::move(request)));
    const lock_guard lock(fields_mutex_);
    VECSTORE_CHECK(build_missing_fields(*state, watched([&](std::size_t done) {
        return !options.progress || options.progress(done, state->pin()->point_count);
    })));
    return written;
}

result<write_result> database_state::drop_field_index(const std::shared_ptr<collection_state>& state,
                                                      const std::string& path) {
    VECSTORE_TRY(const auto name, canonical(path));
    write_request request;
    request.targets = {state.get()};
    request.resolve = [&](write_request& made) -> result<void> {
        if (find_field(*state->pin()->fields, name) == nullptr)
            return error{errc::not_found, "no payload index of \"" + name + "\""};
        made.operations.push_back(encode_drop_field(state->id(), name));
        return {};
    };
    return commit(std::move(request));
}

field_progress database_state::watched(std::function<bool(std::size_t)> report) {
    return [this, report = std::move(report)](std::size_t done) {
        // A long build must not keep the log from being released.
        if (checkpoint_due())
            if (auto written = checkpoint(); !written) note_error(written.error());
        return !closing_ && report(done);
    };
}

result<void> database_state::build_missing_fields(collection_state& state, const field_progress& keep_going) {
    const auto fields = state.pin()->fields;
    for (const auto& field : *fields)
        if (!field->usable()) VECSTORE_CHECK(build_field(state, field->id(), keep_going));
    return {};
}

/// Out of the tables of a checkpoint that is not older than the index: all later ones write runs for it.
result<void> database_state::build_field(collection_state& state, std::uint64_t index,
                                         const field_progress& keep_going) {
    // The first one may finish an older checkpoint that had failed.
    for (int attempt = 0; attempt < 2 && checkpoint_lsn_ < index; ++attempt) VECSTORE_CHECK(checkpoint());
    const auto field = field_of(state, index);
    if (field == nullptr || state.pin()->dropped) return {};
    std::optional<field_run> made;
    std::uint64_t lsn = 0;
    {
        VECSTORE_TRY(const auto tables, tables_->read());
        VECSTORE_TRY(const auto applied, read_applied(*tables));
        lsn = applied.lsn;
        if (lsn < index) return error{errc::internal, "the tables are older than the payload index"};
        auto built = build_run(*part_files_, directory_, state, *field, *tables, lsn, keep_going);
        if (!built && state.pin()->dropped) return {};  // its directory may be gone
        VECSTORE_TRY(made, std::move(built));
    }
    return install_run(state, index, {}, lsn, std::move(made));
}

result<void> database_state::merge_fields(collection_state& state, bool fully, const field_progress& keep_going) {
    const auto fields = state.pin()->fields;
    for (const auto& each : *fields) {
        for (auto field = each; field != nullptr && field->usable(); field = field_of(state, each->id())) {
            auto inputs = fully ? std::span(field->runs()) : next_merge(*field);
            if (fully && is_tidy(*field, *state.pin()->deaths, checkpoint_lsn_)) break;
            if (inputs.empty()) break;
            VECSTORE_CHECK(merge_field(state, *field, inputs, keep_going));
            if (fully) break;  // deaths newer than the checkpoint cannot be dropped yet
        }
    }
    return {};
}

result<void> database_state::merge_field(collection_state& state, const indexed_field& field,
                                         std::span<const field_run> inputs, const field_progress& keep_going) {
    auto made = merge_runs(*part_files_, directory_, state, field, inputs, checkpoint_lsn_, keep_going);
    if (!made && made.error().code == errc::corruption) return build_field(state, field.id(), keep_going);
    VECSTORE_CHECK(made);
    return install_run(state, field.id(), inputs, inputs.back().lsn, *std::move(made));
}

result<void> database_state::install_run(collection_state& state, std::uint64_t index,
                                         std::span<const field_run> inputs, std::uint64_t lsn,
                                         std::optional<field_run> made) {
    const lock_guard lock(checkpoint_mutex_);
    run_list kept, replaced;
    if (made) replaced.push_back(*made);  // until it is installed
    const auto field = field_of(state, index);
    if (state.pin()->dropped) return {};  // the next checkpoint removes the whole directory
    if (field != nullptr) {
        VECSTORE_CHECK(check_writable());
        const auto superseded = [&](const field_run& run) {
            if (inputs.empty()) return run.lsn <= lsn;
            return std::any_of(inputs.begin(), inputs.end(), [&](const auto& i) { return i.number == run.number; });
        };
        for (const auto& run : field->runs()) (superseded(run) ? replaced : kept).push_back(run);
        if (made) kept.push_back(*made);
        std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.lsn < b.lsn; });
        {
            VECSTORE_TRY(const auto tables, tables_->write());
            VECSTORE_CHECK(write_field_manifest(*tables, state.id(), index, kept, lsn));
            VECSTORE_CHECK(tables->commit());
        }
        bool installed = false;
        VECSTORE_CHECK(queue_.exclusively([&]() -> result<void> {
            installed = state.install_field(field->with(kept, true));
            return {};
        }));
        if (installed && made) {
            part_bytes_written_.fetch_add(bytes_of(*made), std::memory_order_relaxed);
            replaced.erase(replaced.begin());
        }
    }
    remove_runs(state, replaced);
    return {};
}

result<void> database_state::tend_fields(collection_state& state) {
    const lock_guard lock(fields_mutex_);
    const auto keep_going = watched([this](std::size_t) {
        expire_in_background();
        return true;
    });
    VECSTORE_CHECK(build_missing_fields(state, keep_going));
    return merge_fields(state, false, keep_going);
}

result<void> database_state::optimize_fields(const progress_callback& report) {
    const lock_guard lock(fields_mutex_);
    for (const auto& state : all_collections()) {
        const auto task = "indexing payloads of " + state->name();
        const auto keep_going = watched([&](std::size_t done) {
            return !report || report({task, done, state->pin()->point_count});
        });
        VECSTORE_CHECK(build_missing_fields(*state, keep_going));
        VECSTORE_CHECK(merge_fields(*state, true, keep_going));
    }
    return {};
}

void database_state::remove_runs(const collection_state& state, std::span<const field_run> runs) {
    const auto directory = field_directory(directory_, state.id());
    for (const auto& run : runs)
        if (const auto path = run_path(directory, run.number); files_->exists(path))
            if (auto removed = files_->remove(path); !removed) note_error(removed.error());
}

}  // namespace vecstore::detail
