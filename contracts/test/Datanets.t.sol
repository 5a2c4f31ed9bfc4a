// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "../src/libraries/Bonds.sol";
import {Datanet, Datanets, NewVersion, Version} from "../src/libraries/Datanets.sol";
import {RegistryBase} from "./support/RegistryBase.sol";
import {Receiver} from "./support/Receivers.sol";
import {VM} from "./support/Vm.sol";

contract DatanetRegistryTest is RegistryBase {
    function setUp() public {
        deployRegistries();
    }

    function test_addsVersionsOneAfterTheOther() public {
        equal(datanets.create("docs", "MIT", 0), 1, "first");
        equal(datanets.create("more docs", "CC-BY-4.0", 7), 2, "second");
        equal(datanets.publish(2, versionOf(keccak256("a"), 10)), 1, "version");
        equal(datanets.publish(2, versionOf(keccak256("b"), 20)), 2, "version");
        Datanet memory known = datanets.datanet(2);
        require(known.operator == address(this) && known.versionCount == 2 && known.bondGwei == 7, "datanet");
        Version memory first = datanets.versionOf(2, 1);
        require(first.root == keccak256("a") && first.contributionCount == 10, "the first version stays");
        require(first.texts == keccak256(abi.encode("MIT", MANIFEST, "")), "texts");
        (bytes32 root, uint32 count) = datanets.contributionsOf(2, 2);
        require(root == keccak256("b") && count == 20, "contributions");
        (root, count) = datanets.contributionsOf(2, 3);
        require(root == 0 && count == 0, "no version");
    }

    function test_letsOnlyTheOperatorPublish() public {
        datanets.create("docs", "MIT", 0);
        VM.prank(address(0xB0B));
        VM.expectRevert(abi.encodeWithSelector(Datanets.NotOperator.selector, 1, address(0xB0B)));
        datanets.publish(1, versionOf(keccak256("a"), 10));
        VM.expectRevert(abi.encodeWithSelector(Datanets.NotOperator.selector, 2, address(this)));
        datanets.publish(2, versionOf(keccak256("a"), 10));
    }

    function testFuzz_boundsTexts(uint8 lengthBytes) public {
        string memory text = string(new bytes(lengthBytes));
        bool badName = lengthBytes == 0 || lengthBytes > 64;
        if (badName) VM.expectRevert(_badLength("name", lengthBytes, 64));
        datanets.create(text, "MIT", 0);
        if (badName) VM.expectRevert(_badLength("licence", lengthBytes, 64));
        datanets.create("docs", text, 0);
        uint256 datanetId = datanets.create("docs", "MIT", 0);
        if (lengthBytes == 0 || lengthBytes > 111) VM.expectRevert(_badLength("manifest", lengthBytes, 111));
        datanets.publish(datanetId, NewVersion(keccak256("a"), 1, 1, "MIT", text, ""));
        if (badName) VM.expectRevert(_badLength("licence", lengthBytes, 64));
        datanets.publish(datanetId, NewVersion(keccak256("a"), 1, 1, text, MANIFEST, ""));
    }

    function test_boundsTheAvailabilityReference() public {
        uint256 datanetId = datanets.create("docs", "MIT", 0);
        string memory longest = string(new bytes(4096));
        datanets.publish(datanetId, NewVersion(keccak256("a"), 1, 1, "MIT", MANIFEST, longest));
        string memory longer = string(new bytes(4097));
        VM.expectRevert(_badLength("availability", 4097, 4096));
        datanets.publish(datanetId, NewVersion(keccak256("a"), 1, 1, "MIT", MANIFEST, longer));
    }

    function test_refusesAVersionOfNothing() public {
        datanets.create("docs", "MIT", 0);
        VM.expectRevert(abi.encodeWithSelector(Datanets.EmptyVersion.selector, 1));
        datanets.publish(1, versionOf(0, 10));
        VM.expectRevert(abi.encodeWithSelector(Datanets.EmptyVersion.selector, 1));
        datanets.publish(1, versionOf(keccak256("a"), 0));
    }

    function _badLength(string memory what, uint256 lengthBytes, uint256 max) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Datanets.BadLength.selector, what, lengthBytes, max);
    }
}

contract BondTest is RegistryBase {
    uint256 private _datanetId;

    function setUp() public {
        deployRegistries();
        _datanetId = datanets.create("docs", "MIT", 0);
        VM.deal(address(this), 100 ether);
    }

    function test_asksForTheMinimumOfAllTogether() public {
        VM.expectRevert(abi.encodeWithSelector(Bonds.BondTooSmall.selector, _datanetId, BOND - 1, BOND));
        datanets.bond{value: BOND - 1}(_datanetId);
        datanets.bond{value: BOND}(_datanetId);
        datanets.bond{value: 1}(_datanetId);
        equal(datanets.bondOf(_datanetId, address(this)).amountWei, BOND + 1, "bond");
        require(datanets.isBonded(_datanetId, address(this)), "bonded");
    }

    function test_asksForWhatTheDatanetAsks() public {
        uint256 dear = datanets.create("dear", "MIT", uint64(3 * BOND / 1 gwei));
        uint256 cheap = datanets.create("cheap", "MIT", 1);
        equal(datanets.minimumBondWei(dear), 3 * BOND, "dear");
        equal(datanets.minimumBondWei(cheap), BOND, "cheap");
        VM.expectRevert(abi.encodeWithSelector(Datanets.NoDatanet.selector, 9));
        datanets.bond{value: BOND}(9);
    }

    function test_paysBackAfterItsTimeAndOnce() public {
        datanets.bond{value: BOND}(_datanetId);
        _refuseWithdrawal(0);
        datanets.requestBondExit(_datanetId);
        uint64 exitAt = uint64(block.timestamp) + REVIEW;
        require(!datanets.isBonded(_datanetId, address(this)), "a bond that leaves is none");
        VM.expectRevert(abi.encodeWithSelector(Bonds.BondExiting.selector, _datanetId, address(this), exitAt));
        datanets.bond{value: BOND}(_datanetId);
        VM.expectRevert(abi.encodeWithSelector(Bonds.BondExiting.selector, _datanetId, address(this), exitAt));
        datanets.requestBondExit(_datanetId);
        VM.warp(exitAt - 1);
        _refuseWithdrawal(exitAt);
        VM.warp(exitAt);
        datanets.withdrawBond(_datanetId);
        equal(address(this).balance, 100 ether, "all is back");
        _refuseWithdrawal(0);
        VM.expectRevert(abi.encodeWithSelector(Bonds.NoBond.selector, _datanetId, address(this)));
        datanets.requestBondExit(_datanetId);
        datanets.bond{value: BOND}(_datanetId);
    }

    function test_paysAReceiverThatEntersAgainOnce() public {
        Receiver thief = new Receiver();
        bytes memory again = abi.encodeCall(datanets.withdrawBond, (_datanetId));
        thief.act{value: BOND}(address(datanets), BOND, abi.encodeCall(datanets.bond, (_datanetId)));
        datanets.bond{value: BOND}(_datanetId);
        thief.act(address(datanets), 0, abi.encodeCall(datanets.requestBondExit, (_datanetId)));
        VM.warp(block.timestamp + REVIEW);
        thief.reenter(address(datanets), again);
        thief.act(address(datanets), 0, again);
        equal(thief.reentered(), 0, "entered again");
        equal(address(thief).balance, BOND, "paid once");
        equal(address(datanets).balance, BOND, "the other's bond");
    }

    function _refuseWithdrawal(uint64 exitAt) private {
        VM.expectRevert(abi.encodeWithSelector(Bonds.BondLocked.selector, _datanetId, address(this), exitAt, 0));
        datanets.withdrawBond(_datanetId);
    }
}
