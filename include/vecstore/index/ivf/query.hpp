/// What a search over inverted lists prepares once: the order of the lists and the tables of the codes.
#pragma once

#include <vecstore/index/ivf/lists.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::index {

/// One query against one set of lists. The estimate of a row's distance is
/// list_bias(list) + step * (sum of its table entries + its term), the bracket being what a scan adds up.
/// Thread safety: belongs to one thread. Buffers are kept from query to query.
class ivf_query {
public:
    /// Shapes: query [dim] f32, finite; of unit length for cosine. `lists_expected` ranks are ordered at once.
    /// Cost:   one pass over all centroids and over the codebook.
    void start(const ivf_lists& lists, std::span<const float> query, std::size_t lists_expected);

    /// The list that is `rank`-th nearest to the query, about (see take_least). Precondition: rank < list_count; ranks are
    /// asked in rising order.
    [[nodiscard]] std::uint32_t list_at(std::size_t rank);

    /// Sets blocks, rows and factor of `in` for a scan of `l`, the `rank`-th list; the threshold is set by `limit`.
    void aim(const ivf_lists& lists, const ivf_lists::list& l, std::size_t rank, quantization::scan_input& in);
    /// The largest sum in the list aimed at whose estimate is not above `distance`; -1 when there is none.
    [[nodiscard]] int limit(float distance) const noexcept;
    [[nodiscard]] float estimate(std::uint16_t sum) const noexcept {
        return list_bias_ + step_ * static_cast<float>(sum);
    }

    /// About one standard deviation of estimates of rows at `distance`; infinite when it is not known.
    [[nodiscard]] float spread(const ivf_lists& lists, float distance) const noexcept;

    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    struct ranked_list {
        float distance = 0;
        std::uint32_t list = 0;
    };
    void order_lists(std::size_t more);
    void make_tables(const ivf_lists& lists);

    std::vector<float> query_;        ///< less the mean, padded to an even dim
    std::vector<float> scores_;       ///< [panels * 32] inner products with centroids
    std::vector<ranked_list> order_;  ///< nearest first
    std::vector<ranked_list> rest_;   ///< not ordered yet, none nearer
    std::vector<ranked_list> taken_;
    std::vector<float> raw_tables_;  ///< [subs, 16]
    std::vector<std::uint8_t> tables_;
    float length_ = 0;  ///< of the query
    float bias_ = 0;    ///< what all estimates share
    float step_ = 1;
    float term_weight_ = 0;
    float list_bias_ = 0;
};

}  // namespace vecstore::index
