// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeVault} from "../src/StakeVault.sol";
import {NewVersion} from "../src/libraries/Datanets.sol";
import {MerkleTree} from "../src/libraries/MerkleTree.sol";
import {Member, Stakes} from "../src/libraries/Stakes.sol";
import {BatchHeader} from "../src/types/Batch.sol";
import {Contribution} from "../src/types/Contribution.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {VM} from "./support/Vm.sol";

/// @notice A node with one key after another: what it did under the first still counts.
contract RotationTest is LedgerBase {
    uint256 private constant FIRST = 7000;

    function setUp() public {
        setUpLedger();
        stakeFor(FIRST, VALIDATOR, 5 ether);
    }

    function test_goesOnUnderAnotherKey() public {
        uint256 beforeWei = vault.validatorsStakeWei();
        _rotate(FIRST, FIRST + 1);
        Member memory heir = vault.member(VM.addr(FIRST + 1));
        equal(heir.stakeWei, 5 ether, "stake");
        equal(heir.roles, VALIDATOR, "roles");
        require(heir.owner == address(this), "owner");
        require(vault.member(VM.addr(FIRST)).owner == address(0), "the old key is staked still");
        equal(vault.validatorsStakeWei(), beforeWei, "validators");
        address[] memory nodes = new address[](1);
        nodes[0] = VM.addr(FIRST + 1);
        equal(vault.stakeOfValidatorsWei(nodes), 5 ether, "weight");
        nodes[0] = VM.addr(FIRST);
        VM.expectRevert(abi.encodeWithSelector(Stakes.NotActiveValidator.selector, nodes[0]));
        vault.stakeOfValidatorsWei(nodes);
    }

    function test_refusesAKeyThatIsNotWilling() public {
        bytes memory byAnother = consent(FIRST + 2, address(this), VALIDATOR, 0);
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.rotate(VM.addr(FIRST), VM.addr(FIRST + 1), byAnother);
        bytes memory toOtherRoles = consent(FIRST + 1, address(this), 1, 0);
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.rotate(VM.addr(FIRST), VM.addr(FIRST + 1), toOtherRoles);
    }

    function test_letsOnlyTheOwnerRotate() public {
        address stranger = address(0xA11CE);
        bytes memory given = consent(FIRST + 1, stranger, VALIDATOR, 0);
        VM.prank(stranger);
        VM.expectRevert(abi.encodeWithSelector(Stakes.NotOwner.selector, VM.addr(FIRST), stranger));
        vault.rotate(VM.addr(FIRST), VM.addr(FIRST + 1), given);
    }

    function test_refusesAKeyThatIsStaked() public {
        bytes memory given = consent(validatorKeys[0], address(this), VALIDATOR, 1);
        VM.expectRevert(abi.encodeWithSelector(Stakes.AlreadyStaked.selector, validator(0), address(this)));
        vault.rotate(VM.addr(FIRST), validator(0), given);
    }

    function test_spendsTheOldKey() public {
        _rotate(FIRST, FIRST + 1);
        bytes memory refusal = abi.encodeWithSelector(Stakes.KeyIsSpent.selector, VM.addr(FIRST), VM.addr(FIRST + 1));
        bytes memory given = consent(FIRST, address(this), VALIDATOR, 1);
        VM.expectRevert(refusal);
        vault.rotate(VM.addr(FIRST + 1), VM.addr(FIRST), given);
        VM.expectRevert(refusal);
        vault.stake{value: 1 ether}(VM.addr(FIRST), VALIDATOR, given);
    }

    function test_usesTheHeirsConsentOnce() public {
        bytes memory given = consent(FIRST + 1, address(this), VALIDATOR, 0);
        vault.rotate(VM.addr(FIRST), VM.addr(FIRST + 1), given);
        vault.requestExit(VM.addr(FIRST + 1));
        passTime(EXIT_DELAY);
        vault.withdraw(VM.addr(FIRST + 1));
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.stake{value: 1 ether}(VM.addr(FIRST + 1), VALIDATOR, given);
    }

    function test_slashesThroughTwoRotations() public {
        _rotate(FIRST, FIRST + 1);
        _rotate(FIRST + 1, FIRST + 2);
        VM.prank(address(disputes));
        equal(vault.slash(VM.addr(FIRST), 2 ether, address(0)), 2 ether, "taken");
        (address current, uint256 stakeWei) = vault.stakeOf(VM.addr(FIRST));
        require(current == VM.addr(FIRST + 2), "current");
        equal(stakeWei, 3 ether, "left");
    }

    function test_takesTheExitAlong() public {
        vault.requestExit(VM.addr(FIRST));
        uint256 exitAt = vault.member(VM.addr(FIRST)).exitAt;
        passTime(EXIT_DELAY / 2);
        _rotate(FIRST, FIRST + 1);
        equal(vault.member(VM.addr(FIRST + 1)).exitAt, exitAt, "exitAt");
        equal(vault.validatorsStakeWei(), 3 * STAKE_WEI, "validators");
        VM.expectRevert(abi.encodeWithSelector(Stakes.StakeLocked.selector, VM.addr(FIRST + 1), exitAt));
        vault.withdraw(VM.addr(FIRST + 1));
        VM.warp(exitAt);
        vault.withdraw(VM.addr(FIRST + 1));
    }

    function test_takesBondsAlong() public {
        BatchHeader memory header = leaving(1, 1 ether, 0);
        header.proposer = VM.addr(FIRST);
        post(header);
        _rotate(FIRST, FIRST + 1);
        equal(vault.member(VM.addr(FIRST + 1)).lockedWei, BOND_WEI, "locked");
        passTime(WINDOW);
        ledger.finalise(header);
        equal(vault.member(VM.addr(FIRST + 1)).lockedWei, 0, "unlocked");
    }

    /// @dev Whoever could rotate without end would hide its last key from slashes, and its bonds from being let go.
    function test_findsANodeHoweverOftenItRotates() public {
        BatchHeader memory header = leaving(1, 1 ether, 0);
        header.proposer = VM.addr(FIRST);
        post(header);
        uint256 key = FIRST;
        while (_tryToRotate(key)) key++;
        equal(key, FIRST + 15, "rotations");
        VM.prank(address(disputes));
        equal(vault.slash(VM.addr(FIRST), 1 ether, address(0)), 1 ether, "taken");
        passTime(WINDOW);
        ledger.finalise(header);
        equal(vault.member(VM.addr(key)).lockedWei, 0, "unlocked");
    }

    function test_votesWithItsStakeOnce() public {
        uint256 reviewId = _flag();
        _commitVote(reviewId, FIRST);
        _rotate(FIRST, FIRST + 1);
        _commitVote(reviewId, FIRST + 1);
        VM.warp(datanets.review(reviewId).commitUntil);
        VM.prank(VM.addr(FIRST));
        VM.expectRevert(abi.encodeWithSelector(Stakes.NotActiveValidator.selector, VM.addr(FIRST)));
        datanets.revealVote(reviewId, true, 0);
        VM.prank(VM.addr(FIRST + 1));
        datanets.revealVote(reviewId, true, 0);
        equal(datanets.review(reviewId).spamWei, 5 ether, "weight");
    }

    /// @dev A review of the only contribution to a datanet.
    function _flag() private returns (uint256) {
        Contribution memory one = Contribution(address(0xA11CE), keccak256("name"), keccak256("MIT"), keccak256("text"));
        bytes32 leaf = keccak256(abi.encodePacked(one.contributor, one.nameHash, one.licenceHash, one.textHash));
        bytes32 root = MerkleTree.hashLeaf(bytes.concat(leaf));
        uint256 datanetId = datanets.create("docs", "MIT", 0);
        datanets.publish(datanetId, NewVersion(root, 1, 1000, "MIT", "bafymanifest", ""));
        return datanets.flag{value: datanets.flagBondWei()}(datanetId, 1, one, 0, new bytes32[](0));
    }

    function _commitVote(uint256 reviewId, uint256 key) private {
        VM.prank(VM.addr(key));
        datanets.commitVote(reviewId, keccak256(abi.encode(reviewId, VM.addr(key), true, bytes32(0))));
    }

    function _rotate(uint256 from, uint256 to) private {
        vault.rotate(VM.addr(from), VM.addr(to), consent(to, address(this), VALIDATOR, 0));
    }

    function _tryToRotate(uint256 from) private returns (bool) {
        bytes memory given = consent(from + 1, address(this), VALIDATOR, 0);
        try vault.rotate(VM.addr(from), VM.addr(from + 1), given) {
            return true;
        } catch (bytes memory refusal) {
            require(bytes4(refusal) == Stakes.TooManyRotations.selector, "refused for another reason");
            return false;
        }
    }
}
