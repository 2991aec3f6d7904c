#include "write_plan.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>

#include <collection/fields/field_filter.hpp>
#include <collection/fields/match_reader.hpp>
#include <collection/fields/strict.hpp>
#include <collection/notes.hpp>

#include <algorithm>
#include <iterator>

namespace vecstore::detail {
namespace {

/// Of a point that the write itself has changed: no caller can know it.
constexpr std::uint64_t version_to_come = any_version - 1;

error unmet_condition(const point_id& id, const std::string& what) {
    return {errc::conflict, "id " + to_string(id) + ": " + what};
}

std::string describe(std::uint64_t version) {
    if (version == 0) return "the point does not exist";
    if (version == version_to_come) return "the point was changed by the same write";
    return "the point has version " + std::to_string(version);
}

std::size_t bytes_of(const std::vector<operation>& operations) {
    std::size_t bytes = 0;
    for (const auto& each : operations) bytes += each.payload.size();
    return bytes;
}

}  // namespace

void write_plan::append(std::vector<operation>& all, std::vector<operation> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

result<void> write_plan::upsert(const std::shared_ptr<collection_access>& to, std::span<const point> points,
                                const write_condition& condition) {
    step added;
    added.access = to;
    added.condition = &condition;
    added.points = points;
    const auto now = to->state->pin();
    for (std::size_t i = 0; i < points.size(); ++i)
        if (auto right = check_models(to->state->options(), *now->notes, points[i]); !right)
            return error{right.error().code, "points[" + std::to_string(i) + "] (id " + to_string(points[i].id) +
                                                 "): " + right.error().message};
    VECSTORE_TRY(added.encoded, encode_upsert(to->state->id(), to->state->options(), points, database_->now_ms(),
                                              &to->state->encoders()));
    return add(std::move(added));
}

result<void> write_plan::erase(const std::shared_ptr<collection_access>& from, const point_selector& points,
                               const write_condition& condition) {
    step added;
    added.access = from;
    added.condition = &condition;
    added.selector = &points;
    return add(std::move(added));
}

result<void> write_plan::edit(const std::shared_ptr<collection_access>& in, const point_selector& points,
                              payload_edit kind, byte_vector body, const write_condition& condition) {
    step added;
    added.access = in;
    added.condition = &condition;
    added.selector = &points;
    added.edit = kind;
    added.body = std::move(body);
    return add(std::move(added));
}

result<void> write_plan::add(step added) {
    if (added.access->database.get() != database_)
        return invalid_argument("collection \"" + added.access->state->name() + "\" is one of another database");
    VECSTORE_TRY(added.only_matching, filter::compiled::compile(added.condition->only_matching));
    VECSTORE_CHECK(check_condition(added));
    if (added.selector != nullptr && added.selector->by_filter()) {
        VECSTORE_TRY(added.filter, filter::compiled::compile(added.selector->filter()));
        for (const auto& earlier : steps_)
            if (earlier.access->state == added.access->state)
                return invalid_argument(
                    "a filter looks at the state before the write, so it must come before other "
                    "changes of collection \"" +
                    added.access->state->name() + "\"");
    }
    steps_.push_back(std::move(added));
    return {};
}

result<void> write_plan::check_condition(const step& added) const {
    const auto& condition = *added.condition;
    if ((added.selector != nullptr || added.of_vectors()) && condition.mode != update_mode::upsert)
        return invalid_argument("condition.mode: insert_only and update_only are for upserts");
    if (condition.if_versions.empty()) return {};
    if (added.selector != nullptr && added.selector->by_filter())
        return invalid_argument("condition.if_versions: not for points selected by a filter");
    const auto count = added.selector != nullptr ? added.selector->ids().size()
                       : added.vectors           ? added.vectors->size()
                                                 : added.points.size();
    if (condition.if_versions.size() != count)
        return invalid_argument("condition.if_versions: " + std::to_string(condition.if_versions.size()) +
                                " versions for " + std::to_string(count) + " points");
    return {};
}

result<write_result> write_plan::commit(const write_options& options) && {
    write_request request;
    request.durability = options.durability;
    request.operation_id = options.operation_id;
    bool plain = true;
    for (const auto& s : steps_) {
        request.targets.push_back(s.access->state.get());
        plain = plain && s.selector == nullptr && !s.of_vectors() && s.condition->empty();
    }
    if (plain) {
        for (auto& s : steps_) {
            append(request.operations, std::move(s.encoded));
            request.points += s.points.size();
        }
        if (bytes_of(request.operations) > write_bytes_max)
            return invalid_argument("a write of " + std::to_string(bytes_of(request.operations)) +
                                    " bytes is above the limit of " + std::to_string(write_bytes_max));
    } else {
        request.resolve = [this](write_request& made) { return resolve(made); };
    }
    return database_->commit(std::move(request));
}

/// At the write's turn.
result<void> write_plan::resolve(write_request& request) {
    for (auto& s : steps_) {
        const auto* state = s.access->state.get();
        auto on = targets_.find(state);
        if (on == targets_.end()) {
            VECSTORE_TRY(auto session, read_session::open(*s.access));
            on = targets_.emplace(state, target{std::move(session), {}}).first;
        }
        if (const auto& now = on->second.session.state();
            has_text_rules(now)) {  // which indexes there are, is known by now
            VECSTORE_TRY(s.only_matching, compile_filter(now, s.condition->only_matching));
            if (s.selector != nullptr && s.selector->by_filter()) {
                VECSTORE_TRY(s.filter, compile_filter(now, s.selector->filter()));
            }
        }
        if (state->options().strict_filters && s.only_matching.source() != nullptr)
            VECSTORE_CHECK(check_indexed(*s.only_matching.source(), *on->second.session.state().fields));
        if (s.of_vectors())
            VECSTORE_CHECK(resolve_vectors(s, on->second, request));
        else if (s.selector == nullptr)
            VECSTORE_CHECK(resolve_upsert(s, on->second, request));
        else if (s.edit)
            VECSTORE_CHECK(resolve_edit(s, on->second, request));
        else
            VECSTORE_CHECK(resolve_erase(s, on->second, request));
    }
    targets_.clear();  // they pin what the checkpoint would like to let go
    if (const auto bytes = bytes_of(request.operations); bytes > write_bytes_max)
        return invalid_argument("a write of " + std::to_string(bytes) + " bytes is above the limit of " +
                                std::to_string(write_bytes_max));
    return {};
}

result<void> write_plan::resolve_upsert(step& s, target& on, write_request& request) {
    std::vector<point> chosen;  // only once one was left out
    bool all = true;
    for (std::size_t i = 0; i < s.points.size(); ++i) {
        const auto& p = s.points[i];
        VECSTORE_TRY(const bool good, meets(s, on, i, p.id));
        if (!good && all) chosen.assign(s.points.begin(), s.points.begin() + static_cast<std::ptrdiff_t>(i));
        all = all && good;
        if (!good) {
            request.skipped.push_back(p.id);
            continue;
        }
        if (!all) chosen.push_back(p);
        if (follows_changes()) on.changed[p.id] = {true, &p, {}, {}, 0};
    }
    if (!all) {
        VECSTORE_TRY(s.encoded, encode_upsert(s.access->state->id(), s.access->state->options(), chosen,
                                              database_->now_ms(), &s.access->state->encoders()));
    }
    request.points += all ? s.points.size() : chosen.size();
    append(request.operations, std::move(s.encoded));
    return {};
}

result<void> write_plan::resolve_erase(const step& s, target& on, write_request& request) {
    VECSTORE_TRY(const auto ids, select(s, on, request));
    if (follows_changes())
        for (const auto& id : ids) on.changed[id] = {};
    VECSTORE_TRY(auto records, encode_erase(s.access->state->id(), ids));
    request.points += ids.size();
    append(request.operations, std::move(records));
    return {};
}

result<void> write_plan::resolve_edit(const step& s, target& on, write_request& request) {
    VECSTORE_TRY(const auto ids, select(s, on, request));
    for (const auto& id : ids) {
        if (auto edited = apply_edit(s, on, id); !edited) {
            auto e = std::move(edited).error();
            e.message = "id " + to_string(id) + ": " + e.message;
            return e;
        }
    }
    VECSTORE_TRY(auto records, encode_edit(s.access->state->id(), *s.edit, ids, s.body));
    request.points += ids.size();
    append(request.operations, std::move(records));
    return {};
}

/// Checks that the payload does not grow above its limit before anything is logged, and keeps it for later steps.
result<void> write_plan::apply_edit(const step& s, target& on, const point_id& id) {
    if (*s.edit != payload_edit::set && *s.edit != payload_edit::set_at && !follows_changes()) return {};
    VECSTORE_TRY(const auto before, find(on, id, true));
    VECSTORE_TRY(auto edited, edit_payload(before.payload, *s.edit, s.body));
    if (!follows_changes()) return {};
    auto& change = on.changed[id];
    change.exists = true;
    change.payload = std::move(edited);
    return {};
}

/// The ids that the step's selector means now and that meet its condition, without those that do not exist.
result<std::vector<point_id>> write_plan::select(const step& s, target& on, write_request& request) {
    std::vector<point_id> ids;
    if (s.selector->by_filter()) {
        query_plan plan;
        VECSTORE_CHECK(for_each_match(on.session, s.filter, plan, [&](ordinal_id ordinal, const point_ref& point) {
            if (on.session.passes(s.only_matching, ordinal, point)) ids.push_back(point.id);
            return true;
        }));
        return ids;
    }
    const auto& listed = s.selector->ids();
    for (std::size_t i = 0; i < listed.size(); ++i) {
        VECSTORE_TRY(const bool good, meets(s, on, i, listed[i]));
        if (!good) {
            request.skipped.push_back(listed[i]);
            continue;
        }
        VECSTORE_TRY(const auto found, find(on, listed[i], false));
        if (found.exists)
            ids.push_back(listed[i]);
        else if (s.edit || s.of_vectors())
            return error{errc::not_found, "no point with id " + to_string(listed[i])};
    }
    return ids;
}

/// Whether a later look at a point may find a change of this very write.
bool write_plan::follows_changes() const noexcept {
    return steps_.size() > 1 || !steps_.front().condition->empty() || steps_.front().of_vectors();
}

result<write_plan::found_point> write_plan::find(target& on, const point_id& id, bool with_payload) {
    if (const auto own = on.changed.find(id); own != on.changed.end()) {
        auto& change = own->second;
        if (!change.exists) return found_point{};
        if (with_payload && !change.payload) {
            VECSTORE_TRY(change.payload, payload::encode(change.upserted->payload));
        }
        found_point found{true,
                          version_to_come,
                          change.payload ? payload::view::trusted(*change.payload) : payload::view(),
                          {},
                          &change};
        if (!change.rows && change.upserted == nullptr) {
            VECSTORE_TRY(found.ordinal, on.session.find(id));
        }
        return found;
    }
    VECSTORE_TRY(const auto ordinal, on.session.find(id));
    if (!ordinal) return found_point{};
    if (!with_payload && steps_.front().condition->empty() && steps_.size() == 1)
        return found_point{true, 0, {}, ordinal, nullptr};
    VECSTORE_TRY(const auto point, on.session.point(*ordinal));
    return found_point{true, point.version, point.payload, ordinal, nullptr};
}

/// As the steps so far leave the point.
bool write_plan::has_vector(const target& on, const found_point& found, std::string_view name) noexcept {
    if (found.own != nullptr && found.own->rows) {
        const auto& options = on.session.collection().options();
        for (std::size_t slot = 0; slot < slot_count(options); ++slot)
            if (slot_name(options, slot) == name) return (*found.own->rows)[slot].has_value();
        return false;
    }
    if (found.own != nullptr && found.own->upserted != nullptr) {
        const auto& p = *found.own->upserted;
        const auto named = [&](const auto& v) { return v.name == name; };
        return (name.empty() && !p.vector.empty()) || std::any_of(p.vectors.begin(), p.vectors.end(), named) ||
               std::any_of(p.sparse.begin(), p.sparse.end(), named) ||
               std::any_of(p.multi.begin(), p.multi.end(), named);
    }
    return found.ordinal && on.session.has_vector(name, *found.ordinal);
}

/// Whether the point is to be written; a condition that is not met is an error, unless such points are skipped.
result<bool> write_plan::meets(const step& s, target& on, std::size_t i, const point_id& id) {
    const auto& condition = *s.condition;
    if (condition.empty()) return true;
    const bool filtered = !s.only_matching.passes_all();
    VECSTORE_TRY(const auto found, find(on, id, filtered));
    const auto refuse = [&](const std::string& why) -> result<bool> {
        if (condition.when_unmet == unmet::skip) return false;
        return unmet_condition(id, why);
    };
    if (condition.mode == update_mode::insert_only && found.exists) return refuse(describe(found.version));
    if (condition.mode == update_mode::update_only && !found.exists) return refuse(describe(0));
    if (!condition.if_versions.empty()) {
        const auto wanted = condition.if_versions[i];
        if (wanted != any_version && (wanted != found.version || wanted == version_to_come))
            return refuse(describe(found.version) + ", not " + std::to_string(wanted));
    }
    const auto has = [&](std::string_view name) noexcept { return has_vector(on, found, name); };
    if (filtered && found.exists && !s.only_matching(id, found.payload, has))
        return refuse("the point does not match the condition's filter");
    return true;
}

}  // namespace vecstore::detail
