/// Changes of several collections that happen together or not at all.
/// Thread safety: belongs to one thread, as a std::vector does.
///
/// What is promised. All entries become one batch of the log, at one place in the order of all writes: after a crash
/// all of them are there or none; so it is for followers and for `database::changes`. Whoever reads one collection sees
/// all entries about it or none. Two reads of two collections are two reads: between them the batch may arrive.
#pragma once

#include <vecstore/collection/collection.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/payload/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vecstore {

namespace detail {
class database_state;
struct collection_access;
}  // namespace detail

/// Collects changes; `database::write` makes them. Nothing is checked before that.
/// An entry sees what the entries before it do, its conditions too. Selectors by filter look at the state before the
/// batch and are refused when an earlier entry changes their collection.
class write_batch {
public:
    /// What an entry does. As the function of `collection` that has the same name.
    enum class action : std::uint8_t {
        upsert,
        erase,
        set_payload,
        overwrite_payload,
        erase_payload,
        clear_payload,
        set_payload_at,
        update_vectors,
        erase_vectors,
    };

    write_batch& upsert(const collection& to, std::vector<point> points, write_condition condition = {});
    write_batch& erase(const collection& from, point_selector points, write_condition condition = {});
    write_batch& set_payload(const collection& in, point_selector points, payload::document values,
                             write_condition condition = {});
    write_batch& overwrite_payload(const collection& in, point_selector points, payload::document values,
                                   write_condition condition = {});
    write_batch& erase_payload(const collection& in, point_selector points, std::vector<std::string> paths,
                               write_condition condition = {});
    write_batch& clear_payload(const collection& in, point_selector points, write_condition condition = {});

    write_batch& set_payload_at(const collection& in, point_selector points, std::string key, payload::document values,
                                write_condition condition = {});
    write_batch& update_vectors(const collection& in, std::vector<point_vectors> points,
                                write_condition condition = {});
    write_batch& erase_vectors(const collection& in, point_selector points, std::vector<std::string> names,
                               write_condition condition = {});

    /// Entries so far.
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
    void clear() noexcept { entries_.clear(); }

private:
    friend class detail::database_state;

    struct entry {
        std::shared_ptr<detail::collection_access> target;
        write_batch::action action;
        std::vector<point> points;
        point_selector selector{};
        payload::document values;
        std::vector<std::string> paths;  ///< or names of vectors
        write_condition condition;
        std::vector<point_vectors> vectors = {};
    };
    write_batch& add(const collection& target, action what, point_selector points, write_condition condition);

    std::vector<entry> entries_;
};

}  // namespace vecstore
