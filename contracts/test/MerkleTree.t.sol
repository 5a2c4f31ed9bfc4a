// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Way} from "../src/libraries/Evidence.sol";
import {Base} from "./support/Base.sol";
import {Trees} from "./support/Trees.sol";

/// @notice Proofs of both trees: every true one holds, and no twisted one does.
contract MerkleTreeTest is Base {
    function setUp() public {
        deploySystem();
    }

    function testFuzz_provesEachLeaf(uint8 size, uint256 seed) public view {
        uint256 count = clamp(size, 1, 40);
        bytes32[] memory leaves = _leaves(count, seed);
        uint256 index = seed % count;
        bytes32[] memory siblings = Trees.proof(leaves, index);
        require(exposed.verify(Trees.root(leaves), count, leaves[index], index, siblings), "refused a true proof");
    }

    function testFuzz_refusesTwistedProofs(uint8 size, uint256 seed, uint8 twist) public view {
        uint256 count = clamp(size, 2, 40);
        bytes32[] memory leaves = _leaves(count, seed);
        uint256 index = seed % count;
        bytes32 root = Trees.root(leaves);
        bytes32[] memory siblings = Trees.proof(leaves, index);
        bytes32 leaf = leaves[index];
        uint256 claimed = count;
        if (twist % 6 == 0) leaf = bytes32(uint256(leaf) ^ 1);
        if (twist % 6 == 1) siblings[seed % siblings.length] ^= bytes32(uint256(1));
        if (twist % 6 == 2) siblings = _without(siblings);
        if (twist % 6 == 3) siblings = _with(siblings);
        if (twist % 6 == 4) index = (index + 1) % count;
        if (twist % 6 == 5) index += count;
        require(!exposed.verify(root, claimed, leaf, index, siblings), "took a twisted proof");
    }

    /// @dev A node of the tree shown as a leaf: the prefixes keep the two apart (second preimage).
    function test_refusesANodeAsALeaf() public view {
        bytes32[] memory leaves = _leaves(4, 1);
        bytes32[] memory pair = new bytes32[](2);
        (pair[0], pair[1]) = (leaves[0], leaves[1]);
        bytes32[] memory siblings = new bytes32[](1);
        (pair[0], pair[1]) = (leaves[2], leaves[3]);
        siblings[0] = Trees.root(pair);
        (pair[0], pair[1]) = (leaves[0], leaves[1]);
        require(!exposed.verify(Trees.root(leaves), 2, Trees.root(pair), 0, siblings), "took a node for a leaf");
    }

    /// @dev An odd leaf moves up alone; where it were doubled, three leaves and four would have one root.
    function test_neverDoublesAnOddLeaf() public pure {
        bytes32[] memory three = _leaves(3, 1);
        bytes32[] memory four = new bytes32[](4);
        for (uint256 i = 0; i < 4; i++) {
            four[i] = three[i == 3 ? 2 : i];
        }
        require(Trees.root(three) != Trees.root(four), "an odd leaf was doubled");
    }

    function test_refusesAnyProofUnderAnEmptyTree() public view {
        require(!exposed.verify(0, 0, 0, 0, new bytes32[](0)), "took a proof of nothing");
        require(!exposed.holdsSum(0, address(0), 0, 0, new bytes32[](0)), "took a sum of nothing");
    }

    function testFuzz_provesEachPayout(uint8 size, uint256 seed) public view {
        uint256 count = clamp(size, 1, 40);
        (address[] memory accounts, uint256[] memory amounts) = _payouts(count, seed);
        uint256 index = seed % count;
        Way memory way = Trees.sumWay(accounts, amounts, index);
        bytes32 root = Trees.sumRoot(accounts, amounts);
        require(exposed.holdsSum(root, accounts[index], amounts[index], way.path, way.siblings), "refused a true proof");
    }

    function testFuzz_refusesTwistedPayouts(uint8 size, uint256 seed, uint8 twist) public view {
        uint256 count = clamp(size, 2, 40);
        (address[] memory accounts, uint256[] memory amounts) = _payouts(count, seed);
        uint256 index = seed % count;
        bytes32 root = Trees.sumRoot(accounts, amounts);
        Way memory way = Trees.sumWay(accounts, amounts, index);
        address account = accounts[index];
        uint256 amountWei = amounts[index];
        uint256 sibling = seed % way.siblings.length;
        if (twist % 7 == 0) amountWei += 1 + seed % 1 ether;
        if (twist % 7 == 1) account = address(uint160(account) ^ 1);
        // A sum of more than 96 bits wraps to the right one.
        if (twist % 7 == 2) way.siblings[sibling] |= bytes32(uint256(type(uint96).max));
        if (twist % 7 == 3) root = bytes32(uint256(root) + 1);
        if (twist % 7 == 4) way.path ^= 1 << sibling;
        if (twist % 7 == 5) amountWei += uint256(1) << 96;
        if (twist % 7 == 6) {
            // Takes from a neighbour's subtotal what it adds to its own amount.
            if (uint96(uint256(way.siblings[sibling])) == 0) return;
            way.siblings[sibling] = bytes32(uint256(way.siblings[sibling]) - 1);
            amountWei += 1;
        }
        require(!exposed.holdsSum(root, account, amountWei, way.path, way.siblings), "took a twisted proof");
    }

    /// @dev A node of the sum tree shown as a leaf, whose account and amount would be the node's children's.
    function test_refusesASumNodeAsALeaf() public view {
        (address[] memory accounts, uint256[] memory amounts) = _payouts(4, 1);
        Way memory way = Trees.sumWay(accounts, amounts, 0);
        bytes32[] memory above = new bytes32[](1);
        above[0] = way.siblings[1];
        address account = address(uint160(uint256(way.siblings[0]) >> 96));
        uint256 sumWei = amounts[0] + amounts[1];
        require(!exposed.holdsSum(Trees.sumRoot(accounts, amounts), account, sumWei, 0, above), "took a node");
    }

    /// @dev Two halves of the range of 96 bits, and one wei too many: no root is made of them.
    function test_refusesSumsOverNinetySixBits() public view {
        address[] memory accounts = new address[](2);
        uint256[] memory amounts = new uint256[](2);
        (accounts[0], accounts[1]) = (address(1), address(2));
        (amounts[0], amounts[1]) = (1 << 95, 1 << 95);
        Way memory way = Trees.sumWay(accounts, amounts, 0);
        require(!exposed.holdsSum(0, accounts[0], amounts[0], 0, way.siblings), "took an overflow for nothing");
        amounts[1]--;
        way = Trees.sumWay(accounts, amounts, 0);
        bytes32 root = Trees.sumRoot(accounts, amounts);
        require(exposed.holdsSum(root, accounts[0], amounts[0], 0, way.siblings), "refused the most there can be");
    }

    function _leaves(uint256 count, uint256 seed) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
    }

    function _payouts(uint256 count, uint256 seed)
        private
        pure
        returns (address[] memory accounts, uint256[] memory amounts)
    {
        accounts = new address[](count);
        amounts = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            accounts[i] = address(uint160(random));
            amounts[i] = random >> 170;
        }
    }

    function _without(bytes32[] memory siblings) private pure returns (bytes32[] memory fewer) {
        fewer = new bytes32[](siblings.length - 1);
        for (uint256 i = 0; i < fewer.length; i++) {
            fewer[i] = siblings[i];
        }
    }

    function _with(bytes32[] memory siblings) private pure returns (bytes32[] memory more) {
        more = new bytes32[](siblings.length + 1);
        for (uint256 i = 0; i < siblings.length; i++) {
            more[i] = siblings[i];
        }
    }
}
