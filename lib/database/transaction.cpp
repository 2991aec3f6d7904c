// Writes of several collections at once.
#include "database_state.hpp"

#include <vecstore/database/write_batch.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/write/write_plan.hpp>

namespace vecstore {

write_batch& write_batch::add(const collection& target, action what, point_selector points, write_condition condition) {
    entry added{target.access_, what, {}, std::move(points), {}, {}, std::move(condition), {}};
    entries_.push_back(std::move(added));
    return *this;
}

write_batch& write_batch::upsert(const collection& to, std::vector<point> points, write_condition condition) {
    add(to, action::upsert, point_selector{}, std::move(condition));
    entries_.back().points = std::move(points);
    return *this;
}

write_batch& write_batch::erase(const collection& from, point_selector points, write_condition condition) {
    return add(from, action::erase, std::move(points), std::move(condition));
}

write_batch& write_batch::set_payload(const collection& in, point_selector points, payload::document values,
                                      write_condition condition) {
    add(in, action::set_payload, std::move(points), std::move(condition));
    entries_.back().values = std::move(values);
    return *this;
}

write_batch& write_batch::overwrite_payload(const collection& in, point_selector points, payload::document values,
                                            write_condition condition) {
    add(in, action::overwrite_payload, std::move(points), std::move(condition));
    entries_.back().values = std::move(values);
    return *this;
}

write_batch& write_batch::erase_payload(const collection& in, point_selector points, std::vector<std::string> paths,
                                        write_condition condition) {
    add(in, action::erase_payload, std::move(points), std::move(condition));
    entries_.back().paths = std::move(paths);
    return *this;
}

write_batch& write_batch::clear_payload(const collection& in, point_selector points, write_condition condition) {
    return add(in, action::clear_payload, std::move(points), std::move(condition));
}

write_batch& write_batch::set_payload_at(const collection& in, point_selector points, std::string key,
                                         payload::document values, write_condition condition) {
    add(in, action::set_payload_at, std::move(points), std::move(condition));
    entries_.back().paths.push_back(std::move(key));
    entries_.back().values = std::move(values);
    return *this;
}

write_batch& write_batch::update_vectors(const collection& in, std::vector<point_vectors> points,
                                         write_condition condition) {
    add(in, action::update_vectors, point_selector{}, std::move(condition));
    entries_.back().vectors = std::move(points);
    return *this;
}

write_batch& write_batch::erase_vectors(const collection& in, point_selector points, std::vector<std::string> names,
                                        write_condition condition) {
    add(in, action::erase_vectors, std::move(points), std::move(condition));
    entries_.back().paths = std::move(names);
    return *this;
}

namespace detail {

result<write_result> database_state::write(const write_batch& batch, const write_options& options) {
    if (!options.condition.empty())
        return invalid_argument("options.condition: the entries of a batch have conditions of their own");
    using action = write_batch::action;
    write_plan plan(*this);
    const auto add = [&](const write_batch::entry& e) -> result<void> {
        switch (e.action) {
            case action::upsert: return plan.upsert(e.target, e.points, e.condition);
            case action::erase: return plan.erase(e.target, e.selector, e.condition);
            case action::set_payload:
            case action::overwrite_payload: {
                VECSTORE_TRY(auto body, payload::encode(e.values));
                const auto kind = e.action == action::set_payload ? payload_edit::set : payload_edit::overwrite;
                return plan.edit(e.target, e.selector, kind, std::move(body), e.condition);
            }
            case action::erase_payload:
                for (const auto& path : e.paths) VECSTORE_CHECK(payload::path::parse(path));
                return plan.edit(e.target, e.selector, payload_edit::erase, encode_paths(e.paths), e.condition);
            case action::set_payload_at: {
                VECSTORE_CHECK(payload::path::parse(e.paths.front()));
                VECSTORE_TRY(const auto body, payload::encode(e.values));
                return plan.edit(e.target, e.selector, payload_edit::set_at, encode_at(e.paths.front(), body),
                                 e.condition);
            }
            case action::update_vectors: return plan.update_vectors(e.target, e.vectors, e.condition);
            case action::erase_vectors: return plan.erase_vectors(e.target, e.selector, e.paths, e.condition);
            case action::clear_payload: return plan.edit(e.target, e.selector, payload_edit::clear, {}, e.condition);
        }
        return error{errc::internal, "an entry of a batch has no action"};
    };
    for (std::size_t i = 0; i < batch.entries_.size(); ++i)
        if (auto added = add(batch.entries_[i]); !added) {
            auto e = std::move(added).error();
            e.message = "entry " + std::to_string(i) + " of the batch: " + e.message;
            return e;
        }
    return std::move(plan).commit(options);
}

}  // namespace detail
}  // namespace vecstore
