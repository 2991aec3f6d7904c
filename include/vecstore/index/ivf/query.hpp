/// What a search over inverted lists prepares once, the order of the lists and the tables of the codes, and the scan.
#pragma once

#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::index {

class ivf_members;

/// An entry of the lists whose code looks near.
struct ivf_candidate {
    float estimate = 0;
    std::uint32_t entry = 0;
};

/// Entries of a list that are scanned under one limit.
inline constexpr std::size_t ivf_chunk = 256;

/// One query against one set of lists. The estimate of a row's distance is, with pq4,
/// list_bias(list) + step * (sum of its table entries + its term), the bracket being what a scan adds up; with int8 the
/// distance of its code, less what rounding adds on average; with rabitq it is a lower bound (rotation_code.hpp).
/// Thread safety: belongs to one thread. Buffers are kept from query to query.
class ivf_query {
public:
    /// Shapes: query [dim] f32, finite; of unit length for cosine. Lists without one of `members`, when these are given, are
    /// left out.
    /// Cost:   one pass over all centroids and over the codebook.
    void start(const ivf_lists& lists, std::span<const float> query, const ivf_members* members = nullptr);
    /// The same in two steps, so that the centroids are read once for many queries: `center` gives what is to be
    /// multiplied with them, and `start_with` takes the products [panels * 32].
    [[nodiscard]] std::span<const float> center(const ivf_lists& lists, std::span<const float> query);
    void start_with(const ivf_lists& lists, std::span<const float> query, const float* products,
                    const ivf_members* members = nullptr);

    /// Lists that are ranked.
    [[nodiscard]] std::size_t list_count() const noexcept { return order_.size(); }
    /// The list that is `rank`-th nearest to the query; with members, about, and those that have many come sooner, those that
    /// have few later. Precondition: rank < list_count().
    [[nodiscard]] std::uint32_t list_at(std::size_t rank);

    /// Makes the query ready for scans of list `i`.
    /// `slack`: how many standard deviations the estimates of rabitq are brought down.
    void aim(const ivf_lists& lists, std::uint32_t i, float slack);
    /// Appends the entries of chunk `chunk` of the list aimed at whose estimate is not above `limit`, and perhaps some
    /// that are just above; in their order. With `members` these alone are appended; the number of others is returned.
    std::size_t scan(const ivf_lists& lists, std::size_t chunk, float limit, const ivf_members* members,
                     std::vector<ivf_candidate>& out) const;

    /// About one standard deviation of estimates of rows at `distance`; infinite when it is not known.
    [[nodiscard]] float spread(const ivf_lists& lists, float distance) const noexcept;

    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    static constexpr std::size_t bin_count = 512;
    /// Bins of equal width from the least key to the largest.
    struct key_bins {
        float least = 0;
        float scale = 0;  ///< 0: all in one
        [[nodiscard]] std::size_t of(float key) const noexcept {
            return static_cast<std::size_t>((key - least) * scale);
        }
    };
    [[nodiscard]] static key_bins bins_for(std::span<const float> keys) noexcept;
    struct ranked_list {
        float key = 0;
        std::uint32_t list = 0;
    };
    void set_keys(const ivf_lists& lists, const ivf_members* members);
    void rank_by_members(const ivf_members& members);
    void sort_by_bins();
    void sort_next_bin();
    void make_tables(const ivf_lists& lists);
    void make_sign_tables(const ivf_lists& lists);
    void aim_signs(const ivf_lists& lists, std::uint32_t i, float slack);
    [[nodiscard]] float spread_of_bytes(const ivf_lists& lists, float distance) const noexcept;
    /// The largest sum in the list aimed at whose estimate is not above `distance`, or one more; -1 when there is none.
    [[nodiscard]] int sum_at(float distance) const noexcept;
    std::size_t scan_sums(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                          const std::uint32_t* wanted, std::vector<ivf_candidate>& out) const;
    std::size_t scan_signs(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                           const std::uint32_t* wanted, std::vector<ivf_candidate>& out) const;
    std::size_t scan_bytes(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                           const std::uint32_t* wanted, std::vector<ivf_candidate>& out) const;

    std::vector<float> query_;     ///< less the mean, padded to an even dim
    std::vector<float> products_;  ///< [panels * 32] inner products with centroids, padded
    std::vector<float> scores_;    ///< [lists] the same
    /// [ranked lists] what they are ordered by: distances, or, with members, the logarithms of ranks and their delays.
    std::vector<float> keys_;
    std::vector<std::uint32_t> numbers_;  ///< [ranked lists] of these
    std::vector<ranked_list> order_;      ///< by bins of keys, from the least; and up to sorted_ by keys
    std::size_t sorted_ = 0;
    key_bins bins_;
    std::vector<float> rotated_;     ///< the query, for rabitq
    std::vector<float> raw_tables_;  ///< [subs, 16]
    std::vector<std::uint8_t> tables_;
    quantization::code_query bytes_;  ///< for int8
    float length_ = 0;                ///< of the query
    float bias_ = 0;                  ///< what all estimates share
    float step_ = 1;
    float term_weight_ = 0;
    ivf_lists::list list_;  ///< aimed at
    float list_bias_ = 0;
    std::uint16_t term_factor_ = 0;
    quantization::level_scale term_, scale_, error_, dot_;  ///< of rabitq, in the list aimed at
};

}  // namespace vecstore::index
