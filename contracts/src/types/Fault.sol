// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What is false about a batch, which says who answers for it. 96 bits, to stand beside an address in one slot.
type Fault is uint96;

using {same as ==, differs as !=} for Fault global;

/// @dev Whoever endorsed the batch could see it.
Fault constant PLAIN = Fault.wrap(1);
/// @dev A jury has said so, and made those pay who had lied.
Fault constant JUDGED = Fault.wrap(2);

/// @notice A false claim, by the first bits of its digest: its worker answers for it, and who passed it.
function falseClaim(bytes32 claim) pure returns (Fault) {
    return Fault.wrap(uint96(bytes12(claim)));
}

function same(Fault one, Fault other) pure returns (bool) {
    return Fault.unwrap(one) == Fault.unwrap(other);
}

function differs(Fault one, Fault other) pure returns (bool) {
    return !same(one, other);
}
